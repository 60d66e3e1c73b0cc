//! Columns as tantivy has them.

use crate::words::analyzer;
use tantivy::{
    schema::{Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions},
    tokenizer::TokenizerManager,
};

/// The name of our words there.
const WORDS: &str = "words";

/// Words with their places, and how many; no text.
pub(crate) fn of(columns: &[String]) -> (Schema, Vec<Field>) {
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(WORDS)
        .set_fieldnorms(true)
        .set_index_option(IndexRecordOption::WithFreqsAndPositions);
    let options = TextOptions::default().set_indexing_options(indexing);
    let mut schema = Schema::builder();
    let fields = columns
        .iter()
        .map(|column| schema.add_text_field(column, options.clone()))
        .collect();
    (schema.build(), fields)
}

/// What an index knows our words by.
pub(crate) fn tokenizers() -> TokenizerManager {
    let tokenizers = TokenizerManager::new();
    tokenizers.register(WORDS, analyzer());
    tokenizers
}
