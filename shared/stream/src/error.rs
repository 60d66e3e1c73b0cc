//! What can be wrong: with a declaration, and with bytes.

/// What is wrong in the declaration of windows and aggregates: all of it at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct SpecErrors(pub Vec<String>);

/// Why bytes are no state or partial result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They are something else.
    #[error("these bytes are no {what} of windows: it would begin with {magic:?}")]
    Foreign {
        /// What was expected: a state or a partial result.
        what: &'static str,
        /// How that begins.
        magic: &'static str,
    },
    /// Another version of this crate wrote them.
    #[error(
        "version {found}, and this program reads version {known}: deploy the program that wrote it until its windows are \
         closed, or delete it and read the stream again from the horizon"
    )]
    Version {
        /// The version in the bytes.
        found: u8,
        /// The version that is read.
        known: u8,
    },
    /// They are not what was written.
    #[error("the checksum is another: the bytes were cut or changed; take an older version of the object")]
    Checksum,
    /// The declaration was another when they were written.
    #[error(
        "written for other windows, lateness, early firings, inputs or aggregates than are declared now: declare the former \
         ones, or give the windows another name so that they start anew"
    )]
    OtherSpec,
    /// The checksum is right and the contents are not: whoever wrote them has a bug.
    #[error("contents that no writer makes: {0}")]
    Damaged(&'static str),
}
