//! What the function is told by its environment.

use crate::parts::Sizes;
use std::{
    num::{NonZeroU32, NonZeroU64, ParseIntError},
    path::PathBuf,
    str::FromStr,
};
use watershed_ops::{ConfigErrors, Environment};

/// Memory for rows that wait for their order, by default: leaves room for the rest in 512 MB.
const DEFAULT_SINK_MEMORY_BYTES: usize = 64 * 1024 * 1024;

/// Everything that differs between deployments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Folder with the contracts: `*.odcs.yaml`.
    pub contracts: PathBuf,
    /// Bucket of the lake.
    pub lake_bucket: String,
    /// Queue of the committer.
    pub commit_queue_url: String,
    /// The function's own queue, which parts of large objects are sent to.
    pub raw_queue_url: String,
    /// What a large object is, and how large its parts.
    pub sizes: Sizes,
    /// Secret with the key of hashed columns, where there are any.
    pub hash_secret: Option<String>,
    /// Folder for scratch files: `/tmp` in Lambda.
    pub scratch: PathBuf,
    /// Memory for rows that wait for their order.
    pub sink_memory_bytes: usize,
}

impl Config {
    /// All errors at once.
    pub fn parse(mut environment: Environment) -> Result<Self, ConfigErrors> {
        let config = Self {
            contracts: environment.contracts(),
            lake_bucket: environment.lake_bucket(),
            commit_queue_url: environment.commit_queue_url(),
            raw_queue_url: environment
                .required("WATERSHED_RAW_QUEUE_URL", "the URL of the queue that ingest reads from"),
            sizes: sizes(&mut environment),
            hash_secret: environment.hash_secret(),
            scratch: environment.scratch(),
            sink_memory_bytes: environment.or("WATERSHED_SINK_MEMORY", "a number of bytes", DEFAULT_SINK_MEMORY_BYTES),
        };
        environment.finish(config)
    }
}

/// Bytes as the template counts them.
const MIB: NonZeroU64 = NonZeroU64::new(1 << 20).expect("above 0");

fn sizes(environment: &mut Environment) -> Sizes {
    // No u32 of them is more bytes than a u64 counts.
    let mut bytes = |name: &str, default: NonZeroU64| {
        let told: Told = environment.or(name, "a number of MiB above 0", Told(None));
        told.0.map_or(default, |mib| NonZeroU64::from(mib).saturating_mul(MIB))
    };
    let default = Sizes::default();
    Sizes {
        split_above: bytes("WATERSHED_SPLIT_ABOVE_MB", default.split_above),
        part: bytes("WATERSHED_PART_MB", default.part),
        chain_above: bytes("WATERSHED_CHAIN_ABOVE_MB", default.chain_above),
        link: bytes("WATERSHED_LINK_MB", default.link),
    }
}

/// A number, where there is one.
struct Told(Option<NonZeroU32>);

impl FromStr for Told {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Some).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_mib_or_not_at_all() {
        let parse = |more: &[(&str, &str)]| {
            let all = [
                ("WATERSHED_LAKE_BUCKET", "lake"),
                ("WATERSHED_COMMIT_QUEUE_URL", "c"),
                ("WATERSHED_RAW_QUEUE_URL", "r"),
            ];
            let variables = all
                .iter()
                .chain(more)
                .map(|(name, value)| (name.to_string(), value.to_string()));
            Config::parse(Environment::new(variables)).map(|config| config.sizes)
        };
        assert_eq!(parse(&[]), Ok(Sizes::default()));
        let sizes = parse(&[("WATERSHED_PART_MB", "8")]).expect("a number above 0");
        assert_eq!(sizes.part.get(), 8 << 20);
        let errors = parse(&[("WATERSHED_LINK_MB", "0")]).expect_err("a link of nothing");
        assert_eq!(errors.0, ["WATERSHED_LINK_MB is `0`: a number of MiB above 0"]);
    }
}
