//! [`Shards`] over Amazon Kinesis Data Streams.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_kinesis::{
    Client,
    error::SdkError,
    operation::list_shards::{ListShardsError, ListShardsOutput},
    types,
};
use watershed_aws::port_error;
use watershed_kinesis::HashRange;
use watershed_ports::{Kind, PortError, Shard, Shards};

/// Most pages of a listing, of up to 1,000 shards each (Amazon Kinesis Data Streams API, "ListShards").
pub const MAX_PAGES: usize = 100;
/// Codes that may pass: too many calls, a stream that is being resharded, a listing that took longer than its token lives.
const TRANSIENTS: [&str; 3] = [
    "LimitExceededException",
    "ResourceInUseException",
    "ExpiredNextTokenException",
];

/// The streams of the account and region.
#[derive(Debug, Clone)]
pub struct KinesisShards {
    client: Client,
}

impl KinesisShards {
    /// Of that configuration.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }

    /// The first page, or the one behind `token`. A token stands for the stream: both together are refused.
    async fn page(&self, stream: &str, token: Option<String>) -> Result<ListShardsOutput, SdkError<ListShardsError>> {
        let list = self.client.list_shards();
        let list = match token {
            Some(token) => list.next_token(token),
            None => list.stream_name(stream),
        };
        list.send().await
    }
}

#[async_trait]
impl Shards for KinesisShards {
    async fn list(&self, stream: &str) -> Result<Vec<Shard>, PortError> {
        let doing = format!("listing the shards of stream {stream}");
        let (mut shards, mut token) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let page = self.page(stream, token).await;
            let page = page.map_err(|error| list_error(&doing, &error))?;
            for listed in page.shards() {
                shards.push(shard(listed).map_err(|error| error.context(&doing))?);
            }
            token = page.next_token;
            if token.is_none() {
                return Ok(shards);
            }
        }
        Err(PortError::fault(format!(
            "{doing}: there are more than {MAX_PAGES} pages, {} shards so far",
            shards.len()
        )))
    }
}

fn list_error(doing: &str, error: &SdkError<ListShardsError>) -> PortError {
    let mut port = port_error(doing, error);
    let code = error.as_service_error().and_then(|error| error.meta().code());
    if code.is_some_and(|code| TRANSIENTS.contains(&code)) {
        port.kind = Kind::Transient;
    }
    port
}

fn shard(listed: &types::Shard) -> Result<Shard, PortError> {
    let range = listed.hash_key_range();
    let hashes = range.and_then(|range| HashRange::parse(range.starting_hash_key(), range.ending_hash_key()));
    let hashes = hashes.ok_or_else(|| {
        PortError::fault(format!(
            "shard {} has no range of hash keys: {range:?}",
            listed.shard_id()
        ))
    })?;
    let parents = [listed.parent_shard_id(), listed.adjacent_parent_shard_id()];
    Ok(Shard {
        id: listed.shard_id().into(),
        parents: parents.into_iter().flatten().map(String::from).collect(),
        first_hash: hashes.first,
        last_hash: hashes.last,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_kinesis::types::HashKeyRange;

    fn listed(ending: &str) -> types::builders::ShardBuilder {
        let range = HashKeyRange::builder().starting_hash_key("0").ending_hash_key(ending);
        types::Shard::builder()
            .shard_id("shardId-000000000002")
            .hash_key_range(range.build().unwrap())
            .sequence_number_range(
                types::SequenceNumberRange::builder()
                    .starting_sequence_number("1")
                    .build()
                    .unwrap(),
            )
    }

    #[test]
    fn a_merged_shard_has_both_parents_and_the_whole_range() {
        let merged = listed("340282366920938463463374607431768211455")
            .parent_shard_id("shardId-000000000000")
            .adjacent_parent_shard_id("shardId-000000000001");
        let expected = Shard {
            id: "shardId-000000000002".into(),
            parents: vec!["shardId-000000000000".into(), "shardId-000000000001".into()],
            first_hash: 0,
            last_hash: u128::MAX,
        };
        assert_eq!(shard(&merged.build().unwrap()), Ok(expected));
        let alone = shard(&listed("7").build().unwrap()).unwrap();
        assert_eq!((alone.parents.len(), alone.last_hash), (0, 7));
    }

    #[test]
    fn a_range_that_is_none_is_told_with_its_shard() {
        let error = shard(&listed("seven").build().unwrap()).unwrap_err();
        assert_eq!(error.kind, Kind::Fault);
        assert!(
            error.message.contains("shardId-000000000002") && error.message.contains("seven"),
            "{error}"
        );
    }
}
