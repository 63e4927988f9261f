//! What keeps async-graphql from validating a document for each request: [`crate::document`] has done
//! it, by all rules, when it read the document.
//!
//! Even [`async_graphql::ValidationMode::Fast`] walks the whole document, an eighth of what a mutation
//! costs. That there is an extension costs each field that is a future of its own something, too, but
//! the fields of rows are none.

use std::sync::Arc;

use async_graphql::{
    CacheControl, ServerError, ValidationResult,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextValidation},
};
use sea_orm::prelude::async_trait::async_trait;

pub(super) struct Validated;

impl ExtensionFactory for Validated {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for Validated {
    async fn validation(
        &self,
        _: &ExtensionContext<'_>,
        _: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        Ok(ValidationResult {
            // Nobody asks for these.
            cache_control: CacheControl::default(),
            complexity: 0,
            depth: 0,
        })
    }
}
