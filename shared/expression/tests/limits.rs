//! What an expression and its texts may hold at most, exactly.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use arrow_array::{ArrayRef, StringArray};
use std::sync::Arc;
use watershed_expression::Expression;
use watershed_lake::ColumnType;

#[test]
fn bounds_hold_exactly() {
    let columns = [("a", ColumnType::Int)];
    let read = |text: &str| Expression::new(text, &columns);
    let sum = |terms: usize| vec!["a"; terms].join("+");
    assert!(read(&sum(100)).is_ok());
    assert!(read(&sum(101)).unwrap_err().message.contains("nested too deep"));
    let parentheses = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(read(&parentheses(199)).is_ok());
    assert!(read(&parentheses(200)).unwrap_err().message.contains("nested too deep"));
    let list = |items: usize| format!("a in ({})", vec!["1"; items].join(","));
    assert!(read(&list(1_000)).is_ok());
    assert!(read(&list(1_001)).unwrap_err().message.contains("1001 values"));
    assert!(read(&format!("a{}", " ".repeat(8_191))).is_ok());
    assert!(read(&format!("a{}", " ".repeat(8_192))).is_err());
}

#[test]
fn text_that_grows_without_bound_fails_its_row() {
    let columns = [("s", ColumnType::String)];
    let mut text = "replace(s, 'a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')".to_string();
    for _ in 0..4 {
        text = format!("replace({text}, 'a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')");
    }
    let expression = Expression::new(&format!("length({text})"), &columns).unwrap();
    let rows: ArrayRef = Arc::new(StringArray::from(vec!["b", "a", "b"]));
    let found = expression.evaluate(&[rows], 3);
    let failed: Vec<u32> = found.failures.iter().map(|failure| failure.row).collect();
    assert_eq!(failed, [1]);
    assert!(found.failures[0].message.ends_with("is too long a text"));
    let pad = Expression::new("lpad(s, 1000000000)", &columns).unwrap();
    assert_eq!(
        pad.evaluate(&[Arc::new(StringArray::from(vec!["b"]))], 1)
            .failures
            .len(),
        1
    );
}
