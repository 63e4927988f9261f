//! Email addresses, which are the same whatever their case: how one is found, and who has it already.

use entity::customer::{Column, Entity};
use sea_orm::{
    ActiveValue, ConnectionTrait, DbErr, QueryResult,
    sea_query::{Expr, ExprTrait, Func, Query},
};

use crate::{Result, database::Pool};

/// What the database does about email addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Emails {
    /// It refuses one that another customer has in other letters, as our migrations have it do.
    pub(crate) unique: bool,
}

impl Emails {
    /// Whether a customer other than `own` has the new address, where the database does not say so.
    /// Missed is what somebody stores between this look and our write: an address in other letters,
    /// and where the table has no unique constraint the very same one. `migrate up` ends that.
    pub(super) async fn are_taken(
        self,
        db: &Pool,
        email: &ActiveValue<String>,
        own: Option<i32>,
    ) -> Result<bool> {
        let ActiveValue::Set(email) = email else {
            return Ok(false);
        };
        if self.unique {
            return Ok(false);
        }
        let select = Query::select()
            .column((Entity, Column::Id))
            .from(Entity)
            .and_where(is(email))
            .take();
        let rows = db.query_all(&select).await?;
        let who = rows.iter().map(|row: &QueryResult| row.try_get_by_index(0));
        let who: Vec<i32> = who.collect::<Result<_, DbErr>>()?;
        // Of several who have it already, each may keep it.
        Ok(!who.is_empty() && own.is_none_or(|own| !who.contains(&own)))
    }
}

/// Whether a customer has this address, in whatever case: as the database folds it, for rows that
/// other programs made, and as we do.
pub(super) fn is(email: &str) -> Expr {
    Func::lower(Expr::col((Entity, Column::Email))).is_in([
        Expr::from(Func::lower(email)),
        Expr::val(email.to_lowercase()),
    ])
}
