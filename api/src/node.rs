//! Global ids (`Customer:42`) and Relay's `node` and `nodes`.
//!
//! Source of the rules: the GraphQL Global Object Identification specification.

use std::{borrow::Cow, marker::PhantomData};

use async_graphql::{
    Context, ContextSelectionSet, ID, InputType, InputValueError, InputValueResult, Interface,
    Object, OutputType, Positioned, ServerResult, Value, futures_util::future::join_all,
    parser::types::Field, registry::Registry,
};

use crate::{
    Error, Result,
    customer::Customer,
    error::excerpt,
    limits::MAX_NODES,
    row::{Record, Row},
    ticket::Ticket,
};

/// A record that can be fetched again by its global id.
#[derive(Interface, Clone)]
#[graphql(field(name = "id", ty = "ID", desc = "Global id, unique across all types."))]
pub enum Node {
    Customer(Customer),
    Ticket(Ticket),
}

/// The global id of a record.
pub(crate) fn global_id<R: Record>(number: i32) -> ID {
    ID(format!("{}:{number}", R::NAME))
}

/// What names a record of one type: its global id or its bare number. In an input it is read on the
/// way in; a nullable field takes an [`ID`] and reads it in its resolver, for an argument that
/// cannot be read would null the field's parent.
pub struct Id<R> {
    pub number: i32,
    record: PhantomData<fn() -> R>,
}

impl<R> Clone for Id<R> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<R> Copy for Id<R> {}

impl<R: Record> Id<R> {
    /// Reads a global id or a number.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` where it is neither, or the id of another type.
    pub fn parse(id: &str) -> Result<Self> {
        let name = R::NAME;
        let digits = match id.split_once(':') {
            Some((prefix, digits)) if prefix == name => digits,
            Some(_) => "",
            None => id,
        };
        match number(digits) {
            Some(number) => Ok(Self {
                number,
                record: PhantomData,
            }),
            None => Err(Error::bad_user_input(format!(
                "Expected the id of a {name}, such as `{name}:42` or `42`, found `{}`.",
                excerpt(id)
            ))),
        }
    }
}

/// A row's number: 1 to 2,147,483,647, in digits alone.
fn number(digits: &str) -> Option<i32> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|number| *number > 0)
}

impl<R: Record> InputType for Id<R> {
    type RawValueType = i32;

    fn type_name() -> Cow<'static, str> {
        <ID as InputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <ID as InputType>::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let id = <ID as InputType>::parse(value).map_err(InputValueError::propagate)?;
        Self::parse(&id).map_err(|error| InputValueError::custom(error.message()))
    }

    fn to_value(&self) -> Value {
        Value::String(global_id::<R>(self.number).0)
    }

    fn as_raw_value(&self) -> Option<&i32> {
        Some(&self.number)
    }
}

/// A record of whichever type, written as it is everywhere else.
struct Found(Node);

impl OutputType for Found {
    fn type_name() -> Cow<'static, str> {
        Node::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        Node::create_type_info(registry)
    }

    async fn resolve(
        &self,
        ctx: &ContextSelectionSet<'_>,
        field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        match &self.0 {
            Node::Customer(customer) => Row(customer.clone()).resolve(ctx, field).await,
            Node::Ticket(ticket) => Row(ticket.clone()).resolve(ctx, field).await,
        }
    }
}

#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// The record with this global id, or null where there is none.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A global id, such as `Customer:42`.")] id: ID,
    ) -> Option<Result<Found>> {
        load(ctx, &id).await.transpose()
    }

    /// The records with these global ids, in the order asked for; null in the place of one that is
    /// not there. At most 100.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ids, such as `Customer:42`; 100 at most.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Result<Found>>>> {
        if ids.len() > MAX_NODES {
            return Err(Error::bad_user_input(format!(
                "Expected at most {MAX_NODES} ids, found {}.",
                ids.len()
            )));
        }
        let nodes = ids.iter().map(async |id| load(ctx, id).await.transpose());
        Ok(join_all(nodes).await)
    }
}

async fn load(ctx: &Context<'_>, id: &str) -> Result<Option<Found>> {
    let prefix = id.split_once(':').map_or("", |(prefix, _)| prefix);
    if prefix == Customer::NAME {
        let customer = Customer::load(ctx, Id::parse(id)?).await?;
        Ok(customer.map(Node::Customer).map(Found))
    } else if prefix == Ticket::NAME {
        let ticket = Ticket::load(ctx, Id::parse(id)?).await?;
        Ok(ticket.map(Node::Ticket).map(Found))
    } else {
        Err(Error::bad_user_input(format!(
            "Expected a global id, such as `Customer:42` or `Ticket:7`, found `{}`.",
            excerpt(id)
        )))
    }
}
