//! User records, from their bytes to checked rows.

use crate::pipeline::Stopped;
use std::sync::Arc;
use watershed_contract::Dataset;
use watershed_decode::{
    DecodedRecords, KeyIndex, Quality, Reason, RecordReader, Records, RefusedRecord, Standardiser, Treatment,
    block::Record as Span, reject::DecodeError,
};
use watershed_kinesis::{Batch, Damage};
use watershed_sink::arrow_schema;

/// Reads the records of one dataset: kept from invocation to invocation.
pub struct Decoder {
    reader: RecordReader,
    standardiser: Standardiser,
}

impl Decoder {
    /// None: the dataset's format has no records that stand by themselves.
    pub fn new(dataset: &Arc<Dataset>, treatment: Treatment) -> Option<Self> {
        let (schema, rules) = (arrow_schema(&dataset.table), Quality::new(dataset, "".as_ref()));
        let keys = KeyIndex::known(Vec::new());
        Some(Self {
            reader: RecordReader::new(dataset)?,
            standardiser: Standardiser::new(Arc::clone(dataset), schema, keys, Arc::new(treatment), rules),
        })
    }

    /// Whether no value may be shown without a look at its column.
    pub fn is_private(&self) -> bool {
        self.standardiser.treatment().is_private()
    }

    /// Reads a batch; `take` is given its rows in runs, told by the numbers of their records.
    pub fn read(
        &mut self,
        batch: &mut Batch,
        mut take: impl FnMut(DecodedRecords) -> Result<(), Stopped>,
    ) -> Result<(), Stopped> {
        let Batch { bytes, records, .. } = batch;
        let span = |record: &watershed_kinesis::UserRecord| Span {
            start: record.start,
            end: record.end,
        };
        let spans: Vec<Span> = records.iter().map(span).collect();
        let damaged = records.iter().enumerate();
        let damaged = damaged.filter_map(|(number, record)| record.damage.map(|damage| refused(number, damage)));
        let damaged: Vec<RefusedRecord> = damaged.collect();
        let given = Records {
            bytes,
            places: &spans,
            refused: &damaged,
        };
        let mut stopped = Ok(());
        let read = self.reader.read(given, &mut self.standardiser, |run| {
            stopped = take(run);
            match stopped {
                Ok(()) => Ok(()),
                Err(_) => Err(DecodeError::Input(std::io::Error::other("the work stopped"))),
            }
        });
        stopped?;
        Ok(read?)
    }
}

fn refused(number: usize, damage: Damage) -> RefusedRecord {
    RefusedRecord {
        number,
        reason: match damage {
            Damage::Base64 | Damage::Corrupt => Reason::Corrupt,
            Damage::Truncated => Reason::Truncated,
            Damage::TooLong => Reason::RecordTooLong,
        },
        message: damage.to_string(),
    }
}
