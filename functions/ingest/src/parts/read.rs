//! One part of an object, from bytes to data files and a record. Sync and local, as the [`crate::pipeline`] is.

use super::{
    message::{Part, Record},
    plan::Cut,
    text::{Begun, Text},
};
use crate::{
    pipeline::{Job, KEYS, Pass, PipelineError, Refused, Stopped, Take},
    source::Preview,
};
use bytes::Bytes;
use std::io::{self, Cursor, Read};
use watershed_decode::{
    Compression, KeyIndex, Quality, Standardiser, block::Block, decompress, reject::DecodeError, resume::Place,
};
use watershed_lake::{layout::PartPlaces, message::MAX_FILES_PER_REQUEST, quarantine::MAX_OBJECT_PREVIEW_BYTES};
use watershed_sink::arrow_schema;

/// What came of a part.
pub enum Ended {
    /// Its record: its files are handed on.
    Done(Box<Record>),
    /// The object is refused as a whole, and reading it in one pass would say nothing else.
    Refused(Refused),
}

/// Opens the object at a byte.
pub type OpenAt<'a> = dyn FnMut(u64) -> io::Result<Box<dyn Read + Send>> + 'a;

/// Reads a part of the object that has this beginning. Files go to the part's folder of `places`.
pub fn run(
    job: &Job,
    part: &Part,
    places: &PartPlaces,
    beginning: &Bytes,
    open: &mut OpenAt<'_>,
    take: &mut Take<'_>,
) -> Result<Ended, PipelineError> {
    let compression = Compression::of(beginning);
    let first: Box<dyn Read + Send> = match compression {
        Compression::Plain => Box::new(Cursor::new(beginning.clone())),
        _ => open(0).map_err(PipelineError::Input)?,
    };
    let mut first = preview(first);
    let reads = Reads {
        job,
        part,
        places,
        compression,
    };
    let mut input = None;
    match reads.all(&mut first, &mut input, open, take) {
        Ok(record) => Ok(Ended::Done(Box::new(record))),
        Err(stopped) => reads.stopped(stopped, input.as_ref().unwrap_or(&first)),
    }
}

fn preview(input: Box<dyn Read + Send>) -> Preview {
    Preview::new(input, MAX_OBJECT_PREVIEW_BYTES)
}

/// What does not change while a part is read.
struct Reads<'a> {
    job: &'a Job,
    part: &'a Part,
    places: &'a PartPlaces,
    compression: Compression,
}

impl Reads<'_> {
    /// `first` gives the object from its beginning; what is read of it behind that becomes `input`.
    fn all<'a>(
        &self,
        first: &'a mut Preview,
        input: &'a mut Option<Preview>,
        open: &mut OpenAt<'_>,
        take: &mut Take<'_>,
    ) -> Result<Record, Stopped> {
        let text: Text<'a> = match self.compression {
            Compression::Plain => Box::new(first),
            _ => decompress(first).map_err(DecodeError::Input)?.1,
        };
        let begun = Begun::open(text, self.compression, &self.job.dataset)?;
        let opened = open(begun.opens_at(self.part.cut, self.compression, self.part.start));
        let input = input.insert(preview(opened.map_err(DecodeError::Input)?));
        self.rows(begun, input, take)
    }

    fn rows<'a>(&self, begun: Begun<'a>, input: &'a mut Preview, take: &mut Take<'_>) -> Result<Record, Stopped> {
        let Self { job, part, .. } = self;
        let counted = input.counter();
        let mut reader = begun.at(input, part.cut, self.compression, (part.start, part.end))?;
        let schema = arrow_schema(&job.dataset.table);
        let (dataset, treatment) = (job.dataset.clone(), job.treatment.clone());
        let rules = Quality::new(&dataset, &job.scratch.join(KEYS));
        let mut standardiser = Standardiser::new(dataset, schema, KeyIndex::in_order(), treatment, rules);
        let mut pass = Pass::new(job, &job.dataset, self.places.folder(part.index))?;
        let mut block = Block::default();
        let mut next = None;
        while reader.read(&mut block)? {
            let decoded = standardiser.text(&mut block, reader.fields())?;
            pass.write(decoded, take)?;
            if let Err(why) = standardiser.keys().order() {
                return Ok(self.in_one_pass(&why.to_string()));
            }
            let Place { offset, .. } = reader.place();
            if matches!(part.cut, Cut::Chain { .. }) && offset >= part.end {
                next = Some(offset);
                break;
            }
        }
        let lines = reader.place().line;
        drop(reader);
        let report = pass.finish(counted.bytes(), take)?;
        if report.data.len() > MAX_FILES_PER_REQUEST {
            return Ok(self.in_one_pass("a part of it makes more files than a request names"));
        }
        let keys = standardiser.keys().order().unwrap_or_default();
        let refused = report.by_reason.iter();
        Ok(Record {
            contract: part.contract.clone(),
            accepted: report.accepted,
            refused: refused.map(|(reason, rows)| (reason.code().into(), *rows)).collect(),
            bytes_in: report.bytes_in,
            lines,
            keys: keys.map(|keys| keys.to_string()),
            data: report.data,
            quarantine: report.quarantine,
            next,
            whole: None,
        })
    }

    fn in_one_pass(&self, why: &str) -> Record {
        Record {
            contract: self.part.contract.clone(),
            whole: Some(why.into()),
            ..Record::default()
        }
    }

    /// What is refused of a compressed object is what one pass would refuse: it stood behind the same text. Of another, a part does not
    /// know what one pass would have met before.
    fn stopped(&self, stopped: Stopped, input: &Preview) -> Result<Ended, PipelineError> {
        match stopped {
            Stopped::Output(error) => Err(error.into()),
            Stopped::Decode(DecodeError::Input(error)) => Err(PipelineError::Input(error)),
            Stopped::Decode(DecodeError::Object(reject)) if self.compression != Compression::Plain => {
                Ok(Ended::Refused(Refused {
                    reject,
                    bytes: input.bytes_read(),
                    beginning: input.beginning().to_vec(),
                }))
            }
            Stopped::Decode(DecodeError::Object(reject)) => {
                Ok(Ended::Done(Box::new(self.in_one_pass(&reject.to_string()))))
            }
        }
    }
}
