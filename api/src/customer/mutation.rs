//! Creating, changing and deleting customers.

use async_graphql::{
    Context, ID, InputObject, MaybeUndefined, Object, SimpleObject, futures_util::FutureExt,
};
use entity::{customer::ActiveModel, ticket};
use sea_orm::{
    ActiveValue::{self, NotSet, Set},
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect,
    QueryTrait,
    prelude::{DateTime as NaiveDateTime, Expr},
};

use super::{Customer, Emails};
use crate::{
    Result,
    context::ContextExt,
    database::Pool,
    dialect,
    error::{Constraint, UserError, UserErrorCode, violated},
    form::{Form, Kind},
    node::Id,
    row::{Columns, Record, Row},
    scalar::DateTime,
    ticket::NewTicketInput,
    write::{Target, insert},
};

/// How many rows one INSERT takes, well below the databases' limits on parameters.
const ROWS_PER_INSERT: usize = 1_000;

/// A new customer, and with `tickets` the tickets of a first visit.
#[derive(InputObject)]
pub struct CreateCustomerInput {
    /// Given name, at most 600 characters.
    first_name: String,
    /// Family name, at most 600 characters.
    last_name: String,
    /// Email address, at most 600 characters; no two customers have the same. Stored in lower
    /// case.
    email: String,
    /// Telephone number, in any form.
    phone: String,
    /// Street and house number.
    address1: String,
    /// Flat, floor or company.
    address2: MaybeUndefined<String>,
    /// Town, at most 600 characters.
    city: String,
    /// Two-letter code; stored in upper case.
    state: String,
    /// ZIP or other postal code, at most 10 characters.
    zip_code: String,
    /// What the shop wants to remember.
    notes: MaybeUndefined<String>,
    /// Whether the shop works for this customer.
    #[graphql(default = true)]
    active: bool,
    /// Tickets to create with the customer: all of it or none.
    #[graphql(default)]
    tickets: Vec<NewTicketInput>,
}

/// What to change of a customer; a field that is left out keeps its value.
#[derive(InputObject)]
pub struct UpdateCustomerInput {
    /// The customer: `Customer:42` or `42`.
    id: Id<Customer>,
    /// Change it only if nobody has since: the `updatedAt` that the change is based on, compared to
    /// the millisecond.
    if_updated_at: Option<DateTime>,
    /// Given name, at most 600 characters.
    first_name: MaybeUndefined<String>,
    /// Family name, at most 600 characters.
    last_name: MaybeUndefined<String>,
    /// Email address, at most 600 characters; no two customers have the same. Stored in lower
    /// case.
    email: MaybeUndefined<String>,
    /// Telephone number, in any form.
    phone: MaybeUndefined<String>,
    /// Street and house number.
    address1: MaybeUndefined<String>,
    /// Flat, floor or company; null clears it.
    address2: MaybeUndefined<String>,
    /// Town, at most 600 characters.
    city: MaybeUndefined<String>,
    /// Two-letter code; stored in upper case.
    state: MaybeUndefined<String>,
    /// ZIP or other postal code, at most 10 characters.
    zip_code: MaybeUndefined<String>,
    /// What the shop wants to remember; null clears it.
    notes: MaybeUndefined<String>,
    /// Whether the shop works for this customer.
    active: MaybeUndefined<bool>,
}

/// Which customer to delete.
#[derive(InputObject)]
pub struct DeleteCustomerInput {
    /// The customer: `Customer:42` or `42`.
    id: Id<Customer>,
    /// Delete it only if nobody has changed it since: its `updatedAt`, compared to the millisecond.
    if_updated_at: Option<DateTime>,
}

/// What became of a new customer.
#[derive(SimpleObject)]
pub struct CreateCustomerPayload {
    /// Null where `userErrors` says why.
    customer: Option<Row<Customer>>,
    /// What the person who filled in the form can put right.
    user_errors: Vec<UserError>,
}

/// What became of a change to a customer.
#[derive(SimpleObject)]
pub struct UpdateCustomerPayload {
    /// As it stands after the call, also where `userErrors` says why nothing was changed; null
    /// where there is no such customer.
    customer: Option<Row<Customer>>,
    /// What the person who filled in the form can put right.
    user_errors: Vec<UserError>,
}

/// What became of a deletion.
#[derive(SimpleObject)]
pub struct DeleteCustomerPayload {
    /// The global id of the customer that was deleted; null where `userErrors` says why not.
    deleted_customer_id: Option<ID>,
    /// What stands in the way.
    user_errors: Vec<UserError>,
}

/// The mutations of customers.
#[derive(Default)]
pub struct CustomerMutation;

#[Object]
impl CustomerMutation {
    /// Adds a customer, and with `tickets` the tickets of a first visit: all of it or none.
    async fn create_customer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new customer.")] input: CreateCustomerInput,
    ) -> Result<CreateCustomerPayload> {
        let db = ctx.shop().db();
        let mut form = Form::input();
        let (customer, tickets) = input.read(&mut form, &dialect::now(db.get_database_backend()));
        let mut user_errors = form.into_errors();
        let mut created = None;
        let emails = ctx.data_unchecked::<Emails>();
        if user_errors.is_empty() && emails.are_taken(db, &customer.email, None).await? {
            user_errors.push(taken());
        }
        if user_errors.is_empty() {
            match create(db, customer, tickets, Columns::of_payload(ctx, "customer")).await {
                Ok(customer) => created = Some(Row(customer)),
                Err(error) => user_errors.push(refused(error)?),
            }
        }
        Ok(CreateCustomerPayload {
            customer: created,
            user_errors,
        })
    }

    /// Changes the given fields of a customer; a field that is left out keeps its value.
    async fn update_customer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The customer, and what to change.")] input: UpdateCustomerInput,
    ) -> Result<UpdateCustomerPayload> {
        let target = Target {
            id: input.id,
            if_updated_at: input.if_updated_at,
            shown: Columns::of_payload(ctx, "customer"),
        };
        let (db, emails) = (ctx.shop().db(), ctx.data_unchecked::<Emails>());
        let mut form = Form::input();
        let values = input.read(&mut form);
        let mut errors = form.into_errors();
        let own = Some(target.id.number);
        if errors.is_empty() && emails.are_taken(db, &values.email, own).await? {
            errors.push(taken());
        }
        let (customer, user_errors) = target.update(db, values, errors, refused).await?;
        Ok(UpdateCustomerPayload {
            customer,
            user_errors,
        })
    }

    /// Deletes a customer that has no tickets.
    async fn delete_customer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The customer.")] input: DeleteCustomerInput,
    ) -> Result<DeleteCustomerPayload> {
        let target = Target {
            id: input.id,
            if_updated_at: input.if_updated_at,
            shown: Columns::key(),
        };
        let message = "The customer still has tickets.";
        let has_tickets = UserError::input("id", UserErrorCode::HasTickets, message);
        // A foreign key that another program made may be ON DELETE CASCADE, and take them along.
        let tickets = ticket::Entity::find()
            .select_only()
            .expr(Expr::val(1))
            .filter(ticket::Column::CustomerId.eq(input.id.number))
            .into_query();
        let kept = Condition::all().add(Expr::exists(tickets));
        let refused = |error: DbErr| {
            if violated(&error) == Some(Constraint::TicketCustomer) {
                return Ok(has_tickets.clone());
            }
            Err(error.into())
        };
        let kept = Some((kept, has_tickets.clone()));
        let deleted = target.delete(ctx.shop().db(), kept, refused).await?;
        Ok(DeleteCustomerPayload {
            deleted_customer_id: deleted.as_ref().ok().cloned(),
            user_errors: deleted.err().into_iter().collect(),
        })
    }
}

/// What the person can put right, where the database refused a customer.
fn refused(error: DbErr) -> Result<UserError> {
    if violated(&error) == Some(Constraint::CustomerEmail) {
        return Ok(taken());
    }
    Err(error.into())
}

fn taken() -> UserError {
    let message = "Another customer has this email address.";
    UserError::input("email", UserErrorCode::Taken, message)
}

async fn create(
    db: &Pool,
    customer: ActiveModel,
    tickets: Vec<ticket::ActiveModel>,
    shown: Columns<Customer>,
) -> Result<Customer, DbErr> {
    if tickets.is_empty() {
        return insert(db, customer, shown).await;
    }
    db.transaction(move |transaction| {
        let (customer, mut tickets) = (customer.clone(), tickets.clone());
        let insert = async move {
            let customer = insert(transaction, customer, shown).await?;
            for ticket in &mut tickets {
                ticket.customer_id = Set(customer.values().number());
            }
            for rows in tickets.chunks(ROWS_PER_INSERT) {
                ticket::Entity::insert_many(rows.to_vec())
                    .exec_without_returning(transaction)
                    .await?;
            }
            Ok(customer)
        };
        insert.boxed()
    })
    .await
}

impl CreateCustomerInput {
    fn read(
        &self,
        form: &mut Form,
        now: &ActiveValue<NaiveDateTime>,
    ) -> (ActiveModel, Vec<ticket::ActiveModel>) {
        let customer = ActiveModel {
            id: NotSet,
            first_name: form.text("firstName", Kind::Indexed, &self.first_name),
            last_name: form.text("lastName", Kind::Indexed, &self.last_name),
            email: form.text("email", Kind::Email, &self.email),
            phone: form.text("phone", Kind::Text, &self.phone),
            address1: form.text("address1", Kind::Text, &self.address1),
            address2: form.optional_text("address2", &self.address2),
            city: form.text("city", Kind::Indexed, &self.city),
            state: form.text("state", Kind::State, &self.state),
            zip_code: form.text("zipCode", Kind::ZipCode, &self.zip_code),
            notes: form.optional_text("notes", &self.notes),
            active: Set(self.active),
            created_at: now.clone(),
            updated_at: now.clone(),
        };
        let tickets = (self.tickets.iter().enumerate())
            .map(|(index, ticket)| {
                form.element("tickets", index, |form| ticket.read(form, now.clone()))
            })
            .collect();
        (customer, tickets)
    }
}

impl UpdateCustomerInput {
    fn read(&self, form: &mut Form) -> ActiveModel {
        ActiveModel {
            id: NotSet,
            first_name: form.text_change("firstName", Kind::Indexed, &self.first_name),
            last_name: form.text_change("lastName", Kind::Indexed, &self.last_name),
            email: form.text_change("email", Kind::Email, &self.email),
            phone: form.text_change("phone", Kind::Text, &self.phone),
            address1: form.text_change("address1", Kind::Text, &self.address1),
            address2: form.optional_text("address2", &self.address2),
            city: form.text_change("city", Kind::Indexed, &self.city),
            state: form.text_change("state", Kind::State, &self.state),
            zip_code: form.text_change("zipCode", Kind::ZipCode, &self.zip_code),
            notes: form.optional_text("notes", &self.notes),
            active: form.value_change("active", self.active),
            created_at: NotSet,
            updated_at: NotSet,
        }
    }
}
