//! `transformLogic`: columns that are made of other columns of the same row.

use crate::{
    dataset::Personal,
    property::Property,
    quality::Computed,
    reader::{At, Map},
};
use watershed_expression::Expression;
use watershed_lake::ColumnType;

/// Keys of a property that say how it is read, and so nothing of a column that is not.
const READING_KEYS: [&str; 9] = [
    "nulls", "trim", "case", "true", "false", "epoch", "formats", "timeZone", "locale",
];

/// Keys by which a column is found in the file.
const PLACES: [&str; 2] = ["source", "start"];

/// True where the property `map` is read from the file: it is not computed, or says where it stands.
pub(crate) fn is_read(transform: Option<&At<'_>>, custom: Option<&Map<'_>>) -> bool {
    let is_placed = |custom: &Map<'_>| PLACES.iter().any(|key| custom.get(key).is_some());
    transform.is_none() || custom.is_some_and(is_placed)
}

/// Reads the expressions of all columns. `dropped` are those of the contract that are not in the table.
pub(crate) fn read(columns: &mut [Property<'_>], dropped: &[Property<'_>]) {
    for property in dropped {
        if let Some(at) = &property.transform {
            at.error("a computed column that is dropped", "remove the property");
        }
    }
    // What is wrong with a type is said where it stands, and an expression over it would only repeat it.
    if columns.iter().any(|column| column.kind.is_none()) {
        return;
    }
    for index in 0..columns.len() {
        let Some(at) = columns[index].transform.clone() else {
            continue;
        };
        let expression = expression(&at, index, columns, dropped);
        let is_read = columns[index].is_read;
        if let Some(custom) = columns[index].custom.as_ref().filter(|_| !is_read) {
            custom.refuse(&READING_KEYS, "the column is computed, not read: remove it");
        }
        columns[index].rule.computed = expression.map(|expression| Computed {
            expression,
            reads_field: is_read,
        });
    }
    if columns.iter().all(|column| !column.is_read)
        && let Some(at) = columns.first().and_then(|column| column.transform.as_ref())
    {
        at.error(
            "every column is computed",
            "write a property that is read from the file",
        );
    }
}

fn expression(at: &At<'_>, index: usize, columns: &[Property<'_>], dropped: &[Property<'_>]) -> Option<Expression> {
    let names = names(columns, dropped);
    let expression = parse(at, at.text()?, &names)?;
    let own = &columns[index];
    let mut reads_itself = false;
    for read in expression.columns() {
        let name = names[read].0;
        match columns.get(read) {
            None => {
                let help = "write personal: redact or hash of it, or another expression";
                at.error(format!("transformLogic reads {name}, which is dropped"), help);
            }
            Some(_) if read == index => reads_itself = true,
            Some(other) if read > index && other.transform.is_some() => {
                let help = format!("write {} behind {name}", own.column.name);
                at.error(format!("transformLogic reads {name}, which is computed after it"), help);
            }
            Some(other) if other.rule.is_private() && own.rule.personal == Personal::Keep => at.error(
                format!("transformLogic shows {name}, which is hidden"),
                "write classification: personal here, with personal: hash or redact",
            ),
            Some(_) => {}
        }
    }
    if reads_itself && !own.is_read {
        at.error(
            "transformLogic reads its own column, which is not in the file",
            "write watershed.source: the name in the file",
        );
    }
    if own.is_read && !reads_itself {
        at.error(
            format!(
                "a column that is read, and a transformLogic without {}",
                own.column.name
            ),
            "remove watershed.source, or use what is read in the expression",
        );
    }
    let kind = own.column.kind;
    if kind.is_nested() {
        at.error(format!("a {kind} that is computed"), "remove transformLogic");
        return None;
    }
    let assigned = expression.assigned_to(kind);
    assigned
        .map_err(|error| at.error(format!("transformLogic is {}", error.message), error.help))
        .ok()
}

/// Names and types, the table's columns first.
pub(crate) fn names<'p>(columns: &'p [Property<'_>], dropped: &'p [Property<'_>]) -> Vec<(&'p str, ColumnType)> {
    let all = columns.iter().chain(dropped);
    all.map(|property| (property.column.name.as_str(), property.column.kind))
        .collect()
}

/// The expression at `at`, or a report of what is wrong with it.
pub(crate) fn parse(at: &At<'_>, text: &str, names: &[(&str, ColumnType)]) -> Option<Expression> {
    let read = read_expression(text, names, &at.name);
    read.map_err(|(message, help)| at.error(message, help)).ok()
}

/// The expression, or what is wrong with it, at which place of what is `called` so, and what to write.
pub(crate) fn read_expression(
    text: &str,
    names: &[(&str, ColumnType)],
    called: &str,
) -> Result<Expression, (String, String)> {
    Expression::new(text, names).map_err(|error| {
        let place = format!("at {}:{} of {called}", error.line, error.column);
        (format!("{} ({place})", error.message), error.help)
    })
}
