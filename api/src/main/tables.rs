//! The tables, at the start and on command: migrated, compared with the entities, found good enough to
//! serve.

use std::{borrow::Cow, error::Error};

use api::database::{Database, reason};
use migration::{
    Status, counted,
    tables::{Difference, Severity},
};
use sea_orm::DbErr;
use serde_json::json;
use tracing::{info, warn};

use crate::{Outcome, say};

/// Carries a command out, past any pooler, and says before it begins what it does to tables in use.
pub(crate) async fn migrate(
    database: &Database,
    command: &migration::Command,
    note: impl Fn(&str),
) -> Result<Vec<String>, String> {
    let direct = database.for_migrations().await;
    let direct = direct.map_err(|error| error.to_string())?;
    if let Ok(Some(line)) = migration::forecast(&*direct, command).await {
        note(&line);
    }
    let done = migration::execute(&direct, command).await;
    if let Cow::Owned(direct) = direct {
        let _ = direct.close().await;
    }
    done.map_err(|error| match &error {
        // Which is not known then.
        DbErr::Custom(said) => said.clone(),
        DbErr::Migration(_) => format!("nothing was changed: {}", migration::in_words(&error)),
        _ => format!("nothing was changed: {}", reason(&error)),
    })
}

/// Prints how the database differs from the entities, for people or for programs.
pub(crate) async fn check(database: &Database, json: bool) -> Outcome {
    let failed = |error| format!("the database cannot be looked at: {}", reason(&error));
    let differences = migration::check(&database.write).await.map_err(failed)?;
    let pending = migration::pending(&database.write).await.map_err(failed)?;
    let counts = |it: &&Difference| it.severity > Severity::Harmless;
    let count = differences.iter().filter(counts).count();
    if json {
        let said = differences.iter().map(|it| {
            json!({
                "table": it.table, "column": it.column, "expected": it.expected, "found": it.found,
                "severity": it.severity.as_str(), "mend": it.mend, "message": it.to_string(),
            })
        });
        let said: Vec<_> = said.collect();
        say(&json!({ "differences": said, "pendingMigrations": pending }).to_string());
    } else {
        for difference in &differences {
            let alone = if counts(&difference) {
                ""
            } else {
                "; it is left alone"
            };
            say(&format!("{difference}{alone}"));
        }
        if count == 0 {
            say("The database has what the server expects.");
        }
        if !pending.is_empty() {
            let names = pending.join(", ");
            say(&format!("To be done by `repairshop migrate up`: {names}"));
            let without = migration::without(&pending).join(", ");
            if count == 0 && !without.is_empty() {
                say(&format!("Until then, {without}."));
            }
        }
    }
    match count {
        0 => Ok(()),
        1 => Err("1 difference".into()),
        _ => Err(format!("{count} differences").into()),
    }
}

/// Refuses a database whose rows cannot be read, and says what else is not as expected.
async fn fits(database: &Database, status: &Status) -> Outcome {
    let differences = migration::check(&database.write).await;
    let differences =
        differences.map_err(|it| format!("the tables cannot be looked at: {}", reason(&it)))?;
    let of = |severity| differences.iter().filter(move |it| it.severity == severity);
    let lines = |severity| -> Vec<String> { of(severity).map(ToString::to_string).collect() };
    let mut fatal = lines(Severity::Fatal);
    if !fatal.is_empty() {
        if of(Severity::Fatal).all(Difference::is_no_table) && !status.pending.is_empty() {
            fatal.clear();
        }
        // Tables of another program that cannot be read are not migrated either, unless that may
        // put them right.
        let is_left = !status.pending.is_empty();
        if fatal.is_empty() || is_left && (!status.applied.is_empty() || status.changes_columns()) {
            let (count, names) = (counted(status.pending.len()), status.pending.join(", "));
            fatal.push(format!(
                "the database lacks {count} ({names}): run `repairshop migrate up`, or start with --migrate"
            ));
        }
        return Err(fatal.join("; ").into());
    }
    if !status.pending.is_empty() {
        let mut without = migration::without(&status.pending).join(", ");
        if without.is_empty() {
            without = status.pending.join(", ");
        }
        warn!(
            "served without {}: {without}; `repairshop migrate up`, or --migrate, adds what is missing",
            counted(status.pending.len())
        );
    }
    for line in lines(Severity::Wrong) {
        warn!("{line}");
    }
    let alone = lines(Severity::Harmless).join("; ");
    if !alone.is_empty() {
        info!("left alone: {alone}");
    }
    Ok(())
}

/// Makes sure of the tables; says whether the database has only just got them.
pub(crate) async fn prepare(database: &Database, allowed: bool) -> Result<bool, Box<dyn Error>> {
    let status = async || {
        let status = migration::status(&database.write).await;
        status.map_err(|error| {
            format!(
                "cannot read which migrations there were: {}",
                reason(&error)
            )
        })
    };
    let before = status().await?;
    let newer = before.unknown.join(", ");
    if !newer.is_empty() {
        warn!("a newer version has migrated this database: {newer}");
    }
    if before.pending.is_empty() || !allowed && database.is_postgres() {
        fits(database, &before).await?;
        return Ok(false);
    }
    let up = migration::Command::Up { num: None };
    for line in migrate(database, &up, |line| info!("{line}")).await? {
        info!("{line}");
    }
    fits(database, &status().await?).await?;
    Ok(before.applied.is_empty())
}

/// Refuses made-up rows among another program's: those of a PostgreSQL that has had no migration of ours.
pub(crate) async fn ours(database: &Database) -> Outcome {
    let status = migration::status(&database.write).await;
    let status = status.map_err(|error| reason(&error))?;
    if database.is_postgres() && status.applied.is_empty() {
        return Err(
            "another program made these tables, and made-up rows are not for them: seed a database of its own"
                .into(),
        );
    }
    Ok(())
}
