//! An index → the rows that match.

use crate::{
    IndexError, bundle,
    excluded::Rows,
    query::{Match, Query},
    schema,
};
use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
};
use tantivy::{
    DocId, DocSet, ReloadPolicy, Searcher, Term,
    collector::{Count, TopDocs},
    query::{
        Bm25StatisticsProvider, BooleanQuery, DisjunctionMaxQuery, EnableScoring, InvertedIndexRangeQuery, Occur,
        PhraseQuery, Query as Searched, TermQuery,
    },
    schema::{Field, IndexRecordOption},
};

/// An index that is searched.
pub struct Index {
    searcher: Searcher,
    columns: Vec<String>,
    first_row: u64,
    bytes: usize,
}

/// What is asked for, counted in the rows of all indexes that are searched together: how rare a word is does not hang on which file it
/// stands in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statistics {
    rows: u64,
    /// Words of each column.
    words: BTreeMap<u32, u64>,
    /// Rows that have a word in a column.
    having: HashMap<(u32, String), u64>,
}

/// What an index has of what is asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// The best rows, the best first; of equals the first.
    pub hits: Vec<Hit>,
    /// All rows that match.
    pub rows: u64,
}

/// A row that matches.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Its number in its file, from 0.
    pub row: u64,
    /// How well: BM25.
    pub score: f32,
    /// Numbers of the columns that have something of what is asked.
    pub columns: Vec<usize>,
}

impl Statistics {
    /// Of these indexes and those together.
    pub fn add(&mut self, other: Self) {
        self.rows += other.rows;
        for (column, words) in other.words {
            *self.words.entry(column).or_default() += words;
        }
        for (word, rows) in other.having {
            *self.having.entry(word).or_default() += rows;
        }
    }
}

impl Bm25StatisticsProvider for Statistics {
    fn total_num_tokens(&self, field: Field) -> tantivy::Result<u64> {
        Ok(self.words.get(&field.field_id()).copied().unwrap_or_default())
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(self.rows)
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        let word = String::from_utf8_lossy(term.serialized_value_bytes()).into_owned();
        let having = self.having.get(&(term.field().field_id(), word));
        Ok(having.copied().unwrap_or_default().min(self.rows))
    }
}

impl Index {
    /// Of bytes that a [`crate::Builder`] made. Of any others: an error.
    pub fn open(bytes: &[u8]) -> Result<Self, IndexError> {
        let (directory, first_row) = bundle::read(bytes)?;
        let mut index = tantivy::Index::open(directory)?;
        index.set_tokenizers(schema::tokenizers());
        let columns = index.schema().fields().map(|(_, entry)| entry.name().into()).collect();
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()
            .map_err(IndexError::from)?;
        Ok(Self {
            searcher: reader.searcher(),
            columns,
            first_row,
            bytes: bytes.len(),
        })
    }

    /// Names of its columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// What it takes in memory, by about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What is asked, counted in its rows.
    pub fn statistics(&self, query: &Query) -> Result<Statistics, IndexError> {
        let mut found = Statistics {
            rows: self.searcher.num_docs(),
            ..Statistics::default()
        };
        for column in 0..self.columns.len() {
            let field = field(column);
            for segment in self.searcher.segment_readers() {
                *found.words.entry(field.field_id()).or_default() += segment.inverted_index(field)?.total_num_tokens();
            }
            for wanted in query.wanted() {
                let Match::Words(words) = wanted else { continue };
                for word in words {
                    let rows = self.searcher.doc_freq(&Term::from_field_text(field, word))?;
                    found.having.insert((field.field_id(), word.clone()), rows);
                }
            }
        }
        Ok(found)
    }

    /// At most `limit` rows of those that match in columns of these numbers. `all` is of all indexes that are searched with this one.
    pub fn search(
        &self,
        query: &Query,
        columns: &[usize],
        all: &Statistics,
        limit: usize,
    ) -> Result<Found, IndexError> {
        if columns.is_empty() || limit == 0 || self.searcher.num_docs() == 0 {
            return Ok(Found::default());
        }
        let searched = whole(query, columns);
        let collector = (TopDocs::with_limit(limit).order_by_score(), Count);
        let (best, rows) = self
            .searcher
            .search_with_statistics_provider(&searched, &collector, all)?;
        let mut matched = self.matched(query, columns, best.iter().map(|(_, at)| at.doc_id).collect())?;
        let hit = |(score, at): (f32, tantivy::DocAddress)| Hit {
            row: self.first_row + u64::from(at.doc_id),
            score,
            columns: matched.remove(&at.doc_id).unwrap_or_default(),
        };
        Ok(Found {
            hits: best.into_iter().map(hit).collect(),
            rows: rows as u64,
        })
    }

    /// Of rows that match the columns in which they do.
    fn matched(
        &self,
        query: &Query,
        columns: &[usize],
        mut rows: Vec<DocId>,
    ) -> Result<HashMap<DocId, Vec<usize>>, IndexError> {
        rows.sort_unstable();
        let mut matched: HashMap<DocId, Vec<usize>> = HashMap::new();
        for &column in columns {
            for wanted in query.wanted() {
                let weight = of_column(wanted, column).weight(EnableScoring::disabled_from_searcher(&self.searcher))?;
                for segment in self.searcher.segment_readers() {
                    let mut having = weight.scorer(segment, 1.0)?;
                    for &row in &rows {
                        if having.doc() < row {
                            having.seek(row);
                        }
                        let columns = matched.entry(row).or_default();
                        if having.doc() == row && columns.last() != Some(&column) {
                            columns.push(column);
                        }
                    }
                }
            }
        }
        Ok(matched)
    }
}

fn field(column: usize) -> Field {
    Field::from_field_id(column as u32)
}

fn whole(query: &Query, columns: &[usize]) -> BooleanQuery {
    let clause = |clause: &crate::query::Clause| -> (Occur, Box<dyn Searched>) {
        let all = clause.all.iter().map(|wanted| of_any(wanted, columns)).collect();
        let all = Box::new(BooleanQuery::intersection(all));
        if clause.not {
            (Occur::MustNot, Box::new(Rows(all)))
        } else {
            (Occur::Must, all)
        }
    };
    BooleanQuery::new(query.clauses.iter().map(clause).collect())
}

/// Some column has it; one that has it best tells how well.
fn of_any(wanted: &Match, columns: &[usize]) -> Box<dyn Searched> {
    let each = columns.iter().map(|column| of_column(wanted, *column)).collect();
    Box::new(DisjunctionMaxQuery::new(each))
}

fn of_column(wanted: &Match, column: usize) -> Box<dyn Searched> {
    let term = |word: &str| Term::from_field_text(field(column), word);
    match wanted {
        Match::Words(words) => match &words[..] {
            [word] => Box::new(TermQuery::new(term(word), IndexRecordOption::WithFreqs)),
            words => Box::new(PhraseQuery::new(words.iter().map(|word| term(word)).collect())),
        },
        Match::Beginning(beginning) => {
            // No word has the last character that there is.
            let end = format!("{beginning}{}", char::MAX);
            Box::new(InvertedIndexRangeQuery::new(
                Bound::Included(term(beginning)),
                Bound::Excluded(term(&end)),
            ))
        }
    }
}
