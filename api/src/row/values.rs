//! What was read of a row: each value as the JSON that shows it.
//!
//! Made when the row is read, so that lists only copy it; through a model long lists cost 4 to 8 %
//! more. Knows no feature.

use std::sync::Arc;

use sea_orm::{
    ColumnTrait, DbErr, EntityTrait, IdenStatic, ModelTrait, QueryResult, sea_query::ArrayType,
};
use serde::de::DeserializeOwned;

use super::{ColumnOf, Columns, Record, columns::place};
use crate::{
    dialect,
    scalar::DateTime,
    shape::{append, append_text},
};

/// Room for a row's values, enough for most. In bytes.
const VALUES: usize = 256;

/// What was read of a row. Cheap to clone.
#[derive(Debug)]
pub struct Values<R> {
    /// The primary key.
    number: i32,
    columns: Columns<R>,
    /// Where the value of each other column ends, and then these values.
    bytes: Arc<[u8]>,
}

/// A place in [`Values::bytes`], little-endian.
type End = [u8; 4];

impl<R> Clone for Values<R> {
    fn clone(&self) -> Self {
        let bytes = Arc::clone(&self.bytes);
        Self { bytes, ..*self }
    }
}

impl<R: Record> Values<R> {
    /// Of a row of which nothing but the primary key is known.
    pub(crate) fn key(number: i32) -> Self {
        Self {
            number,
            columns: Columns::key(),
            bytes: Arc::default(),
        }
    }

    /// The primary key.
    pub(crate) fn number(&self) -> i32 {
        self.number
    }

    /// The value of a column other than the primary key; its type's default where it was not read.
    pub(crate) fn get<T: DeserializeOwned + Default>(&self, column: ColumnOf<R>) -> T {
        let json = self.json(place::<R>(column));
        serde_json::from_slice(json).unwrap_or_default()
    }

    /// Appends the value of the column at this place of [`Record::COLUMNS`].
    pub(super) fn write(&self, place: usize, json: &mut Vec<u8>) {
        match place {
            0 => append(json, &self.number),
            _ => json.extend_from_slice(self.json(place)),
        }
    }

    /// The JSON of a column other than the primary key; null where it was not read.
    fn json(&self, place: usize) -> &[u8] {
        let Some(index) = self.columns.index(place).filter(|index| *index > 0) else {
            return b"null";
        };
        let (ends, _) = self.bytes.as_chunks();
        let end = |index: usize| u32::from_le_bytes(ends[index - 1]) as usize;
        let start = match index {
            1 => ends_size(self.columns),
            _ => end(index - 1),
        };
        &self.bytes[start..end(index)]
    }
}

/// What the ends of the values of these columns take, in bytes.
fn ends_size<R: Record>(columns: Columns<R>) -> usize {
    (columns.count() - 1) * size_of::<End>()
}

impl<R: Record> Columns<R> {
    /// Reads a record from the columns of `row` that begin at `start`, selected in the order of
    /// [`Columns::iter`].
    ///
    /// # Errors
    /// Where the database's type is not the entity's.
    pub fn read(self, row: &QueryResult, start: usize) -> Result<R, DbErr> {
        let number = dialect::value(row, start)?;
        if self.is_key_alone() {
            return Ok(R::from(Values::key(number)));
        }
        let ends = ends_size(self);
        let mut bytes = Vec::with_capacity(ends + VALUES);
        bytes.resize(ends, 0);
        for (index, column) in self.iter().enumerate().skip(1) {
            append_value::<R>(row, start + index, column, &mut bytes)?;
            let end = u32::try_from(bytes.len());
            let end = end.map_err(|_| unlike::<R>(column, "4 GB"))?;
            bytes.as_chunks_mut().0[index - 1] = end.to_le_bytes();
        }
        Ok(R::from(Values {
            number,
            columns: self,
            bytes: bytes.into(),
        }))
    }
}

/// Appends the JSON of a column's value.
fn append_value<R: Record>(
    row: &QueryResult,
    index: usize,
    column: ColumnOf<R>,
    json: &mut Vec<u8>,
) -> Result<(), DbErr> {
    let there = match <R::Entity as EntityTrait>::Model::get_value_type(column) {
        ArrayType::Int => dialect::value::<Option<i32>>(row, index)?.map(|it| append(json, &it)),
        ArrayType::Bool => dialect::boolean(row, index)?.map(|it| append(json, &it)),
        ArrayType::String => dialect::text(row, index)?.map(|it| append_text(json, &it)),
        ArrayType::ChronoDateTime => {
            dialect::instant(row, index)?.map(|it| append(json, &DateTime(it)))
        }
        other => return Err(unlike::<R>(column, &format!("{other:?}"))),
    };
    if there.is_none() {
        if !column.def().is_null() {
            return Err(unlike::<R>(column, "null"));
        }
        json.extend_from_slice(b"null");
    }
    Ok(())
}

fn unlike<R: Record>(column: ColumnOf<R>, found: &str) -> DbErr {
    DbErr::Type(format!("{}.{} is {found}", R::NAME, column.as_str()))
}
