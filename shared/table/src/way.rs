//! The way to a column inside of structs and lists: in a file, and in the table.

use iceberg::spec::{NestedFieldRef, Schema, Type};
use parquet::{
    basic::Repetition,
    schema::types::{SchemaDescriptor, Type as FileType},
};
use std::collections::BTreeSet;

/// One step of the way: a group of the file's schema, or the column itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// As the file has it.
    pub name: String,
    /// Field id; a list's repeated group has none.
    pub id: Option<i32>,
    /// Null is no value here.
    pub required: bool,
}

/// The way to column `index` of a file.
pub fn in_file(schema: &SchemaDescriptor, index: usize) -> Vec<Step> {
    let mut at: &FileType = schema.root_schema();
    let column = schema.column(index);
    let mut way = Vec::new();
    for part in column.path().parts() {
        let Some(next) = at.get_fields().iter().find(|field| field.name() == part) else {
            break;
        };
        let info = next.get_basic_info();
        way.push(Step {
            name: part.clone(),
            id: info.has_id().then(|| info.id()),
            required: info.repetition() != Repetition::OPTIONAL,
        });
        at = next;
    }
    way
}

/// The way to the field `id` of the table, as a file has it (Iceberg specification, Appendix A "Parquet"); none: there is no such field.
pub fn in_table(schema: &Schema, id: i32) -> Option<Vec<Step>> {
    let fields = schema.as_struct().fields();
    fields.iter().find_map(|field| below(field, id))
}

fn below(field: &NestedFieldRef, id: i32) -> Option<Vec<Step>> {
    let own = Step {
        name: field.name.clone(),
        id: Some(field.id),
        required: field.required,
    };
    if field.id == id {
        return Some(vec![own]);
    }
    let rest = match &*field.field_type {
        Type::Struct(of) => of.fields().iter().find_map(|field| below(field, id))?,
        Type::List(of) => {
            let repeated = Step {
                name: "list".into(),
                id: None,
                required: true,
            };
            let rest = below(&of.element_field, id)?;
            std::iter::once(repeated).chain(rest).collect()
        }
        Type::Map(_) | Type::Primitive(_) => return None,
    };
    Some(std::iter::once(own).chain(rest).collect())
}

/// A field that is required and not among those that are there, though what it is in is.
pub fn missing<'s>(fields: &'s [NestedFieldRef], there: &BTreeSet<i32>) -> Option<&'s NestedFieldRef> {
    fields.iter().find_map(|field| {
        if !there.contains(&field.id) {
            return field.required.then_some(field);
        }
        match &*field.field_type {
            Type::Struct(of) => missing(of.fields(), there),
            Type::List(of) => missing(std::slice::from_ref(&of.element_field), there),
            Type::Map(_) | Type::Primitive(_) => None,
        }
    })
}
