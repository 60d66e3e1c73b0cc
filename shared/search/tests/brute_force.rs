//! What an index finds is what looking at every row finds; and whatever bytes are opened, nothing panics.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use bytes::Bytes;
use proptest::prelude::*;
use std::collections::BTreeMap;
use watershed_search::{Builder, Hit, Index, Query, Statistics, words};

/// Texts of one column of a row.
type Texts = Vec<String>;
/// A row: its two columns.
type Row = [Texts; 2];

fn columns() -> Vec<String> {
    vec!["name".into(), "about".into()]
}

fn build(rows: &[Row], first_row: u64) -> Bytes {
    let mut builder = Builder::new(&columns(), first_row).unwrap();
    for row in rows {
        let texts = row.iter().enumerate();
        let texts = texts.flat_map(|(column, texts)| texts.iter().map(move |text| (column, text.as_str())));
        builder.add(texts).unwrap();
    }
    assert_eq!(builder.next_row(), first_row + rows.len() as u64);
    builder.finish().unwrap()
}

/// Rows of all indexes that match, with the columns in which they do, and how well.
fn found(indexes: &[Index], query: &Query, searched: &[usize]) -> BTreeMap<u64, Hit> {
    let mut all = Statistics::default();
    for index in indexes {
        all.add(index.statistics(query).unwrap());
    }
    let found = indexes
        .iter()
        .map(|index| index.search(query, searched, &all, 1_000).unwrap());
    let mut hits = BTreeMap::new();
    for found in found {
        assert_eq!(found.rows, found.hits.len() as u64);
        assert!(found.hits.windows(2).all(|pair| pair[0].score >= pair[1].score));
        hits.extend(found.hits.into_iter().map(|hit| (hit.row, hit)));
    }
    hits
}

/// What is asked, as a test has it.
#[derive(Debug, Clone)]
struct Asked {
    not: bool,
    words: Vec<&'static str>,
    beginning: bool,
}

impl Asked {
    fn text(&self) -> String {
        let words = self.words.join(" ");
        let minus = if self.not { "-" } else { "" };
        match (self.words.len(), self.beginning) {
            (1, true) => format!("{minus}{words}*"),
            (1, false) => format!("{minus}{words}"),
            _ => format!("{minus}\"{words}\""),
        }
    }

    fn is_in(&self, text: &str) -> bool {
        let found: Vec<String> = words(text).into_iter().map(|word| word.text).collect();
        if self.words.len() == 1 && self.beginning {
            return found.iter().any(|word| word.starts_with(self.words[0]));
        }
        found.windows(self.words.len()).any(|run| run == self.words)
    }
}

fn looked_at(rows: &[Row], asked: &[Asked], searched: &[usize]) -> BTreeMap<u64, Vec<usize>> {
    let mut found = BTreeMap::new();
    for (number, row) in rows.iter().enumerate() {
        let has = |asked: &Asked, column: usize| row[column].iter().any(|text| asked.is_in(text));
        let matches = asked
            .iter()
            .all(|asked| searched.iter().any(|column| has(asked, *column)) != asked.not);
        if matches {
            let wanted = |column: &usize| asked.iter().any(|asked| !asked.not && has(asked, *column));
            found.insert(number as u64, searched.iter().copied().filter(wanted).collect());
        }
    }
    found
}

const WORDS: [&str; 8] = ["new", "york", "yorker", "the", "jersey", "air", "airport", "東"];

fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        8 => prop::sample::select(&WORDS[..]).prop_map(String::from),
        1 => Just("Néw".to_string()),
        1 => "\\PC{0,6}",
    ];
    prop::collection::vec(word, 0..7).prop_map(|words| words.join(" "))
}

fn texts() -> impl Strategy<Value = Texts> {
    prop::collection::vec(text(), 0..3)
}

fn asked() -> impl Strategy<Value = Vec<Asked>> {
    let one = (
        any::<bool>(),
        prop::collection::vec(prop::sample::select(&WORDS[..]), 1..3),
        any::<bool>(),
    );
    let one = one.prop_map(|(not, words, beginning)| Asked { not, words, beginning });
    prop::collection::vec(one, 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_same_rows_are_found_however_they_are_cut(
        rows in prop::collection::vec([texts(), texts()], 0..24), asked in asked(), cut in any::<prop::sample::Index>(),
        searched in prop::sample::select(vec![vec![0], vec![1], vec![0, 1]])
    ) {
        let text: Vec<String> = asked.iter().map(Asked::text).collect();
        let parsed = Query::parse(&text.join(" "));
        prop_assume!(asked.iter().any(|asked| !asked.not));
        let query = parsed.unwrap();
        let whole = [Index::open(&build(&rows, 0)).unwrap()];
        let at = cut.index(rows.len() + 1);
        let parts = [(&rows[..at], 0), (&rows[at..], at as u64)];
        let parts = parts.map(|(rows, first)| Index::open(&build(rows, first)).unwrap());
        let (of_whole, of_parts) = (found(&whole, &query, &searched), found(&parts, &query, &searched));
        let columns: BTreeMap<u64, Vec<usize>> = of_whole.iter().map(|(row, hit)| (*row, hit.columns.clone())).collect();
        prop_assert_eq!(&columns, &looked_at(&rows, &asked, &searched));
        // How well a row matches does not hang on where its file was cut, but for the order in which floats are added up.
        prop_assert!(of_whole.keys().eq(of_parts.keys()));
        for (whole, part) in of_whole.values().zip(of_parts.values()) {
            prop_assert_eq!(&whole.columns, &part.columns);
            prop_assert!((whole.score - part.score).abs() <= 1e-5 * whole.score, "{whole:?} {part:?}");
        }
    }

    #[test]
    fn no_text_of_a_query_panics(text in "\\PC{0,80}|[\"* -]{0,20}|([a-c]|[\"*-]| ){0,20}") {
        if let Ok(query) = Query::parse(&text) {
            let index = Index::open(&build(&[[vec![text.clone()], vec!["b a".into()]]], 0)).unwrap();
            found(&[index], &query, &[0, 1]);
            for mark in query.marks(&text) {
                prop_assert!(text.get(mark).is_some());
            }
        }
    }

    #[test]
    fn damaged_bytes_are_an_error(at in any::<prop::sample::Index>(), change in 1_u8.., cut in any::<prop::sample::Index>()) {
        let bytes = build(&[[vec!["a b".into()], vec![]], [vec![], vec!["c".into()]]], 7);
        let mut damaged = bytes.to_vec();
        let at = at.index(damaged.len());
        damaged[at] ^= change;
        prop_assert!(Index::open(&damaged).is_err());
        prop_assert!(Index::open(&bytes[..cut.index(bytes.len())]).is_err());
    }

    #[test]
    fn any_bytes_are_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Index::open(&bytes).is_err());
    }
}

#[test]
fn the_same_rows_give_the_same_bytes_and_no_text() {
    let rows = [
        [vec!["Kennedy Airport".to_string(), "JFK".into()], vec![]],
        [vec![], vec!["Newark".into()]],
    ];
    let bytes = build(&rows, 3);
    assert_eq!(bytes, build(&rows, 3));
    assert!(!bytes.windows(15).any(|window| window == b"Kennedy Airport"));
    let index = Index::open(&bytes).unwrap();
    assert_eq!(index.columns(), columns());
    let query = Query::parse("kennedy").unwrap();
    assert_eq!(found(&[index], &query, &[0, 1])[&3].columns, [0]);
}

#[test]
fn rare_words_and_short_texts_weigh_more() {
    let row = |text: &str| [vec![text.to_string()], vec![]];
    let rows = [
        row("common rare"),
        row("common common common common filler"),
        row("common"),
        row("common filler filler filler"),
    ];
    let index = [Index::open(&build(&rows, 0)).unwrap()];
    let best = |text: &str| {
        let found = found(&index, &Query::parse(text).unwrap(), &[0]);
        let best = found.into_values().max_by(|a, b| a.score.total_cmp(&b.score));
        best.map(|hit| hit.row)
    };
    assert_eq!(best("common"), Some(1));
    assert_eq!(best("common rare"), Some(0));
    let scores = found(&index, &Query::parse("common").unwrap(), &[0]);
    assert!(scores[&2].score > scores[&3].score);
}
