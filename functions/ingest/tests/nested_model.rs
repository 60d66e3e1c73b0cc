//! Nested JSON is what serde_json reads, or its row is refused.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use common::{all_shown, dataset, rows, run};
use proptest::prelude::*;

const MODEL: &str = r"    properties:
      - {name: id, logicalType: integer, required: true}
      - name: v
        logicalType: object
        properties:
          - {name: a, logicalType: integer}
          - name: b
            logicalType: array
            items:
              logicalType: object
              properties:
                - {name: c, logicalType: string}
                - {name: d, logicalType: array, items: {logicalType: boolean}}
";

/// What the column holds of a value as serde_json reads it; none: the row is refused.
mod model {
    use serde_json::Value;

    type Read = fn(Option<&Value>) -> Option<String>;

    fn list(value: Option<&Value>, element: Read) -> Option<String> {
        match value {
            None | Some(Value::Null) => Some("-".into()),
            Some(Value::String(text)) if text.is_empty() => Some("-".into()),
            Some(Value::Array(values)) => {
                let all: Option<Vec<String>> = values.iter().map(|value| element(Some(value))).collect();
                Some(format!("[{}]", all?.join(" ")))
            }
            Some(_) => None,
        }
    }

    fn object(value: Option<&Value>, fields: [(&str, Read); 2]) -> Option<String> {
        match value {
            None | Some(Value::Null) => Some("-".into()),
            Some(Value::String(text)) if text.is_empty() => Some("-".into()),
            Some(Value::Object(members)) => {
                let [first, second] = fields.map(|(key, read)| read(members.get(key)));
                Some(format!("({} {})", first?, second?))
            }
            Some(_) => None,
        }
    }

    fn integer(value: Option<&Value>) -> Option<String> {
        match value {
            None | Some(Value::Null) => Some("-".into()),
            Some(Value::String(text)) if text.is_empty() => Some("-".into()),
            Some(Value::Number(number)) => number.as_i64().map(|n| n.to_string()),
            Some(_) => None,
        }
    }

    fn boolean(value: Option<&Value>) -> Option<String> {
        match value {
            None | Some(Value::Null) => Some("-".into()),
            Some(Value::String(text)) if text.is_empty() => Some("-".into()),
            Some(Value::Bool(value)) => Some(value.to_string()),
            Some(Value::Number(number)) if number.as_i64() == Some(1) => Some("true".into()),
            Some(Value::Number(number)) if number.as_i64() == Some(0) => Some("false".into()),
            Some(_) => None,
        }
    }

    /// What is nested is its JSON text there.
    #[allow(clippy::unnecessary_wraps, reason = "a reader like the others")]
    fn string(value: Option<&Value>) -> Option<String> {
        Some(match value {
            None | Some(Value::Null) => "-".into(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        })
    }

    pub fn column(value: Option<&Value>) -> Option<String> {
        object(
            value,
            [
                ("a", integer),
                ("b", |value| {
                    list(value, |value| {
                        object(value, [("c", string), ("d", |value| list(value, boolean))])
                    })
                }),
            ],
        )
    }
}

/// Mostly of the model's shape, and anything else at every depth.
fn values() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::{Map, Value};
    let other = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2_i64..3).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[x\"\\\\é\n]{0,3}"
            .prop_filter("no white space around", |text| text.trim() == text)
            .prop_map(Value::from),
        Just(serde_json::json!([])),
        Just(serde_json::json!({})),
    ]
    .boxed();
    let mostly = move |usual: BoxedStrategy<Value>| prop_oneof![12 => usual, 1 => other.clone()].boxed();
    let object = |fields: Vec<(&'static str, BoxedStrategy<Value>)>| {
        let (keys, values): (Vec<_>, Vec<_>) = fields.into_iter().unzip();
        let values: Vec<_> = values
            .into_iter()
            .map(|value| prop::option::weighted(0.9, value))
            .collect();
        let member = move |values: Vec<Option<Value>>| {
            let members = keys
                .iter()
                .zip(values)
                .filter_map(|(key, value)| Some(((*key).to_string(), value?)));
            Value::Object(members.collect::<Map<_, _>>())
        };
        values.prop_map(member).boxed()
    };
    let list = |element: BoxedStrategy<Value>| prop::collection::vec(element, 0..4).prop_map(Value::from).boxed();
    let booleans = list(mostly(any::<bool>().prop_map(Value::from).boxed()));
    let text = mostly("[a-z\"\\\\ü]{0,4}".prop_map(Value::from).boxed());
    let element = object(vec![
        ("c", text),
        ("d", mostly(booleans)),
        ("more", mostly(Just(Value::Null).boxed())),
    ]);
    let number = mostly(any::<i64>().prop_map(Value::from).boxed());
    mostly(object(vec![("a", number), ("b", mostly(list(mostly(element))))]))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn nested_json_is_what_serde_json_reads(all in prop::collection::vec(values(), 1..12)) {
        let text: String = all.iter().map(|v| serde_json::json!({"id": 1, "v": v}).to_string() + "\n").collect();
        let (report, files) = run(&dataset("format: json", MODEL), text.as_bytes()).unwrap();
        let expected: Vec<String> = all.iter().filter_map(|value| model::column(Some(value))).collect();
        prop_assert_eq!(report.rejected as usize, all.len() - expected.len());
        prop_assert_eq!(all_shown(&rows(&files, "data")), expected, "{}", text);
    }
}
