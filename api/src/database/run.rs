//! A statement on one connection: its rows, or what it changes. Knows nothing of lost connections.

use async_graphql::futures_util::TryStreamExt;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbErr, ExecResult, QueryResult, RuntimeErr, Statement,
    Values,
    sqlx::{self, AssertSqlSafe, Executor, PgConnection, Postgres, query::Query},
};
use sea_query_sqlx::SqlxValues;

/// What a statement is run for.
pub(super) trait Run: Sync {
    type Output: Send;

    fn by_postgres(
        &self,
        connection: &mut PgConnection,
        statement: &Statement,
    ) -> impl Future<Output = Result<Self::Output, DbErr>> + Send;

    fn by_sqlite(
        &self,
        db: &DatabaseConnection,
        statement: &Statement,
    ) -> impl Future<Output = Result<Self::Output, DbErr>> + Send;
}

/// What is made of each of its rows; on PostgreSQL as they come in, while they are in the processor's
/// cache. One that cannot be read ends the statement, and its connection goes back to the pool.
pub(super) struct Fetch<F>(pub(super) F);

impl<T: Send, F: Fn(QueryResult) -> Result<T, DbErr> + Sync> Run for Fetch<F> {
    type Output = Vec<T>;

    async fn by_postgres(
        &self,
        connection: &mut PgConnection,
        statement: &Statement,
    ) -> Result<Vec<T>, DbErr> {
        let failed = |error: sqlx::Error| DbErr::Query(RuntimeErr::SqlxError(error.into()));
        // With one stream less than `fetch_all` has.
        let mut steps = connection.fetch_many(query(statement));
        let mut rows = Vec::new();
        while let Some(step) = steps.try_next().await.map_err(failed)? {
            if let Some(row) = step.right() {
                rows.push((self.0)(row.into())?);
            }
        }
        Ok(rows)
    }

    async fn by_sqlite(
        &self,
        db: &DatabaseConnection,
        statement: &Statement,
    ) -> Result<Vec<T>, DbErr> {
        let rows = db.query_all_raw(statement.clone()).await?;
        rows.into_iter().map(&self.0).collect()
    }
}

/// How many rows it has changed.
pub(super) struct Execute;

impl Run for Execute {
    type Output = ExecResult;

    async fn by_postgres(
        &self,
        connection: &mut PgConnection,
        statement: &Statement,
    ) -> Result<ExecResult, DbErr> {
        let failed = |error: sqlx::Error| DbErr::Exec(RuntimeErr::SqlxError(error.into()));
        let done = connection.execute(query(statement)).await;
        done.map(Into::into).map_err(failed)
    }

    async fn by_sqlite(
        &self,
        db: &DatabaseConnection,
        statement: &Statement,
    ) -> Result<ExecResult, DbErr> {
        db.execute_raw(statement.clone()).await
    }
}

fn query(statement: &Statement) -> Query<'_, Postgres, SqlxValues> {
    let values = statement.values.clone().unwrap_or(Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql.as_str()), SqlxValues(values))
}
