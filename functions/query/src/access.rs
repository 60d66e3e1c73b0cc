//! Who may see what.

use crate::{Config, http::Request};
use serde_json::Value;
use std::collections::BTreeSet;
use watershed_contract::is_personal_word;
use watershed_lake::{Column, TableSpec, layout::Digest};

/// A digest of who calls, as API Gateway found out: by IAM the ARN, by a JWT its issuer and subject. Those of whom nothing is known are one.
pub fn caller(request: &Request) -> String {
    let authorizer = &request.request_context.authorizer;
    let claims = &authorizer["jwt"]["claims"];
    let mut digest = Digest::new();
    for part in [&authorizer["iam"]["userArn"], &claims["iss"], &claims["sub"]] {
        digest.part(part.as_str().unwrap_or_default().as_bytes());
    }
    digest.hex()
}

/// What the caller of a request may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// Columns that are classified as personal.
    pub personal: bool,
}

impl Access {
    /// What all callers have.
    pub const NONE: Self = Self { personal: false };

    /// Of who calls, as API Gateway found out: by IAM, or by a JWT.
    pub fn of(request: &Request, config: &Config) -> Self {
        let authorizer = &request.request_context.authorizer;
        let by_iam = authorizer["iam"]["userArn"].as_str().is_some_and(|arn| {
            config
                .personal_callers
                .iter()
                .any(|pattern| match pattern.strip_suffix('*') {
                    Some(beginning) => arn.starts_with(beginning),
                    None => arn == pattern,
                })
        });
        let wanted = &*config.personal_scope;
        let listed = authorizer["jwt"]["scopes"].as_array().map_or(&[][..], Vec::as_slice);
        let claimed = authorizer["jwt"]["claims"]["scope"].as_str().unwrap_or_default();
        let by_scope = listed
            .iter()
            .filter_map(Value::as_str)
            .chain(claimed.split(' '))
            .any(|scope| scope == wanted);
        Self {
            personal: by_iam || by_scope,
        }
    }

    /// Whether the caller may see the column.
    pub fn allows(self, column: &Column) -> bool {
        self.personal || !is_personal(column)
    }

    /// Names of the table's columns that the caller may not see.
    pub fn hidden(self, table: &TableSpec) -> BTreeSet<String> {
        let hidden = table.columns.iter().filter(|column| !self.allows(column));
        hidden.map(|column| column.name.clone()).collect()
    }
}

fn is_personal(column: &Column) -> bool {
    column
        .all()
        .any(|field| field.classification.as_deref().is_some_and(is_personal_word))
}
