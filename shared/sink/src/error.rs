//! What can go wrong in the sink.

use std::{error::Error, io, path::Path};

/// What went wrong, and whose it is to mend.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The rows fall into too many partitions: bad data, or a contract that partitions by the wrong column.
    #[error(
        "the rows fall into more than {limit} partitions of ({fields}): partition by a coarser transform, or check the values"
    )]
    TooManyPartitions {
        /// Most that one sink takes.
        limit: usize,
        /// Names of the partition fields.
        fields: String,
    },
    /// The local disk.
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The caller could not take over a finished file.
    #[error("a finished data file could not be handed on: {0}")]
    Emit(#[source] Box<dyn Error + Send + Sync>),
    /// A bug, here or in the caller.
    #[error("internal error of the sink: {0}")]
    Internal(String),
}

impl SinkError {
    /// For `map_err`: names the file.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Io {
            path: path.display().to_string(),
            source,
        }
    }

    /// For `map_err`: what Parquet says while it writes `path`; a full disk comes wrapped.
    pub(crate) fn parquet(path: &Path) -> impl FnOnce(parquet::errors::ParquetError) -> Self + '_ {
        move |error| match error {
            parquet::errors::ParquetError::External(inner) => match inner.downcast::<io::Error>() {
                Ok(source) => Self::Io {
                    path: path.display().to_string(),
                    source: *source,
                },
                Err(other) => Self::Internal(format!("{}: {other}", path.display())),
            },
            other => Self::Internal(format!("{}: {other}", path.display())),
        }
    }
}

impl From<arrow_schema::ArrowError> for SinkError {
    fn from(error: arrow_schema::ArrowError) -> Self {
        Self::Internal(error.to_string())
    }
}
