//! Adding one row; changing and deleting one by one conditional statement: the database decides,
//! nothing is checked first. Knows no feature.

use async_graphql::ID;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryTrait,
    sea_query::{Expr, ExprTrait, Query},
};

use crate::{
    Result,
    database::Pool,
    dialect,
    error::{UserError, UserErrorCode},
    node::{Id, global_id},
    row::{Columns, Record, Row, find, key},
    scalar::DateTime,
};

/// A record that a mutation names, with the `ifUpdatedAt` that it may be bound to.
pub(crate) struct Target<R> {
    pub(crate) id: Id<R>,
    pub(crate) if_updated_at: Option<DateTime>,
    /// What is shown of it.
    pub(crate) shown: Columns<R>,
}

/// Adds a row with the columns that are set; returns what is shown of the record.
///
/// # Errors
/// What the database says.
pub(crate) async fn insert<R: Record>(
    db: &impl ConnectionTrait,
    values: <R::Entity as EntityTrait>::ActiveModel,
    shown: Columns<R>,
) -> Result<R, DbErr> {
    let mut insert = R::Entity::insert(values).into_query();
    insert.returning(Query::returning().columns(shown.iter()));
    let rows = db.query_all(&insert).await?;
    let row = rows.first().ok_or(DbErr::RecordNotInserted)?;
    shown.read(row, 0)
}

impl<R: Record> Target<R> {
    /// Changes the columns that are set, and `updated_at`, unless the form had errors already or
    /// the database refuses: `refused` says what the person can put right then.
    ///
    /// What is shown of the record as it stands afterwards, and what is wrong where nothing was changed.
    pub(crate) async fn update(
        &self,
        db: &Pool,
        values: <R::Entity as EntityTrait>::ActiveModel,
        mut errors: Vec<UserError>,
        refused: impl FnOnce(DbErr) -> Result<UserError>,
    ) -> Result<(Option<Row<R>>, Vec<UserError>)> {
        if errors.is_empty() {
            let updated_at = Expr::col((R::Entity::default(), R::UPDATED_AT));
            let touched = dialect::touched(db.get_database_backend(), updated_at);
            let mut update = R::Entity::update_many()
                .set(values)
                .col_expr(R::UPDATED_AT, touched)
                .filter(self.condition())
                .into_query();
            update.returning(Query::returning().columns(self.shown.iter()));
            match db.query_all(&update).await {
                Ok(rows) => {
                    if let Some(row) = rows.first() {
                        return Ok((Some(Row(self.shown.read(row, 0)?)), errors));
                    }
                }
                Err(error) => errors.push(refused(error)?),
            }
        }
        let current = self.current(db).await?;
        if errors.is_empty() || current.is_none() {
            errors.push(self.missed(current.as_ref()));
        }
        Ok((current.map(Row), errors))
    }

    /// Deletes the row, but not one that is `kept`, with what to say of it then. The global id of
    /// what was deleted, or why it was not; `refused` as in [`Target::update`].
    pub(crate) async fn delete(
        &self,
        db: &Pool,
        kept: Option<(Condition, UserError)>,
        refused: impl FnOnce(DbErr) -> Result<UserError>,
    ) -> Result<Result<ID, UserError>> {
        let (kept, why) = kept.unzip();
        let condition = self.condition().add_option(kept.map(Condition::not));
        let delete = R::Entity::delete_many().filter(condition).into_query();
        match db.execute(&delete).await {
            Ok(deleted) if deleted.rows_affected() > 0 => Ok(Ok(global_id::<R>(self.id.number))),
            Ok(_) => {
                let found: Vec<R> = find(db, Columns::key(), self.condition().into()).await?;
                match (found.first(), why) {
                    (Some(_), Some(why)) => Ok(Err(why)),
                    _ => Ok(Err(self.missed(self.current(db).await?.as_ref()))),
                }
            }
            Err(error) => Ok(Err(refused(error)?)),
        }
    }

    async fn current(&self, db: &Pool) -> Result<Option<R>> {
        let found = find(db, self.shown, key::<R>().eq(self.id.number)).await?;
        Ok(found.into_iter().next())
    }

    /// Why no row was the one to change, given the current record.
    fn missed(&self, current: Option<&R>) -> UserError {
        let (name, number) = (R::NAME.to_lowercase(), self.id.number);
        if current.is_some() && self.if_updated_at.is_some() {
            let message = format!("Somebody has changed {name} {number} since.");
            UserError::input("ifUpdatedAt", UserErrorCode::Stale, message)
        } else {
            let message = format!("There is no {name} {number}.");
            UserError::input("id", UserErrorCode::NotFound, message)
        }
    }

    /// `ifUpdatedAt` is compared to the millisecond, which is all that a JavaScript date holds.
    fn condition(&self) -> Condition {
        let mut condition = Condition::all().add(key::<R>().eq(self.id.number));
        if let Some((from, to)) = self.if_updated_at.map(DateTime::millisecond) {
            condition = condition
                .add_option(from.map(|from| R::UPDATED_AT.gte(from)))
                .add_option(to.map(|to| R::UPDATED_AT.lt(to)));
        }
        condition
    }
}
