//! The adapters against the local cloud, and against a service that fails. One emulator for all tests of this file, with nothing deployed.

use aws_config::SdkConfig;
use serde_json::{Value, json};
use std::{path::Path, sync::OnceLock};
use watershed_aws_events::EventBridge;
use watershed_aws_kinesis::KinesisShards;
use watershed_aws_s3::{S3Lifecycle, S3Store};
use watershed_local::{Emulator, Ui, aws, emulator::Lifetime, venv::Venv};
use watershed_ports::{
    EventBus as _, Kind, Lifecycle as _, LifecycleRule, ObjectId, ObjectStore as _, PortError, Shards as _,
};
use watershed_tests::{
    answers::{Answer, Answers},
    cloud::wait,
    home, python,
};

fn emulator() -> &'static Emulator {
    static EMULATOR: OnceLock<Emulator> = OnceLock::new();
    EMULATOR.get_or_init(|| {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("adapters");
        let _ = std::fs::remove_dir_all(&dir);
        let home = home().with_state(&dir);
        let emulator = Emulator::start(&home, &python(Venv::Lake), None, Lifetime::Test, Ui::Silent);
        emulator.unwrap_or_else(|error| panic!("{error}"))
    })
}

fn bucket(name: &str) {
    let s3 = aws::s3(&emulator().endpoint());
    wait(s3.create_bucket().bucket(name).send()).expect("a bucket can be made");
}

fn kind<T>(answer: Result<T, PortError>) -> Option<Kind> {
    answer.err().map(|error| error.kind)
}

#[test]
fn a_conditional_write_holds_for_the_one_who_knows_what_is_there() {
    bucket("conditional");
    wait(async {
        let store = S3Store::new(&aws::config(&emulator().endpoint()));
        let put = async |body: &'static str, expected| store.put_if("conditional", "a/b", body.into(), expected).await;
        let unknown = "0123456789abcdef0123456789abcdef";
        assert_eq!(
            kind(put("one", Some(unknown)).await),
            Some(Kind::Conflict),
            "there is none to match"
        );
        let first = put("one", None).await.expect("there is none");
        let lost = put("two", None).await.expect_err("there is one already");
        assert_eq!(lost.kind, Kind::Conflict);
        assert!(
            lost.message.contains("s3://conditional/a/b: it is there already"),
            "{lost}"
        );
        let second = put("two", Some(&first)).await.expect("it is still the first");
        assert_ne!(first, second);
        assert_eq!(
            kind(put("three", Some(&first)).await),
            Some(Kind::Conflict),
            "it is another one now"
        );
        let (meta, _) = store
            .open(&ObjectId::current("conditional", "a/b"), 0)
            .await
            .expect("it is there");
        let found = store.find("conditional", "a/b").await.expect("it can be listed");
        assert_eq!(
            (Some(&meta), &meta.etag),
            (found.map(|found| found.meta).as_ref(), &second)
        );
        assert_eq!(
            store
                .read(&ObjectId::current("conditional", "a/b"))
                .await
                .expect("it can be read"),
            "two"
        );
        store.delete("conditional", "a/b").await.expect("it can be removed");
        assert_eq!(
            kind(put("three", Some(&second)).await),
            Some(Kind::Conflict),
            "it is gone"
        );
        let nowhere = store.put_if("no-such-bucket", "a", "one".into(), Some(unknown)).await;
        assert_eq!(
            kind(nowhere),
            Some(Kind::Fault),
            "a bucket that is not there is no lost race"
        );
    });
}

#[test]
fn of_many_conditional_writes_at_once_one_holds() {
    const WRITERS: usize = 8;
    bucket("race");
    let writers: Vec<_> = (0..WRITERS)
        .map(|n| {
            std::thread::spawn(move || {
                wait(async {
                    let store = S3Store::new(&aws::config(&emulator().endpoint()));
                    store.put_if("race", "one", format!("{n}").into(), None).await
                })
            })
        })
        .collect();
    let answers: Vec<_> = writers
        .into_iter()
        .map(|writer| writer.join().expect("a writer"))
        .collect();
    let held = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(held, 1, "{answers:?}");
    let lost = answers.iter().filter_map(|answer| answer.as_ref().err());
    assert!(
        lost.clone().all(|error| error.kind == Kind::Conflict),
        "{:?}",
        lost.collect::<Vec<_>>()
    );
}

#[test]
fn a_conditional_write_is_asked_for_once() {
    let refused = |status: u16, code: &str| Some((status, format!("<Error><Code>{code}</Code></Error>")));
    let cases: [(Answer, Kind); 5] = [
        (None, Kind::Transient),
        (refused(503, "SlowDown"), Kind::Transient),
        (refused(412, "PreconditionFailed"), Kind::Conflict),
        (refused(409, "ConditionalRequestConflict"), Kind::Conflict),
        (refused(403, "AccessDenied"), Kind::Fault),
    ];
    for (answer, expected) in cases {
        let service = Answers::serve(vec![answer]);
        let store = S3Store::new(&aws::config(&service.endpoint));
        let error = wait(store.put_if("b", "k", "one".into(), Some("e1"))).expect_err("it was refused");
        assert_eq!(error.kind, expected, "{error}");
        let requests = service.requests();
        assert_eq!(requests.len(), 1, "{error}");
        assert!(
            requests[0].to_lowercase().contains("\r\nif-match: \"e1\"\r\n"),
            "{}",
            requests[0]
        );
    }
}

fn rule(id: &str, infrequent_days: Option<u32>) -> LifecycleRule {
    LifecycleRule {
        id: id.into(),
        prefix: format!("{id}/"),
        infrequent_days,
        archive_days: Some(90),
        expire_days: Some(400),
    }
}

#[test]
fn rules_of_a_bucket_are_written_where_they_are_others() {
    bucket("ruled");
    wait(async {
        let lifecycle = S3Lifecycle::new(&aws::config(&emulator().endpoint()));
        let set = async |own: &'static str, rules: Vec<LifecycleRule>| lifecycle.set("ruled", own, &rules).await;
        assert_eq!(
            set("ours:", vec![]).await,
            Ok(false),
            "there is none, and none is wanted"
        );
        assert_eq!(set("theirs:", vec![rule("theirs:a", Some(30))]).await, Ok(true));
        let ours = vec![rule("ours:a", None), rule("ours:b", Some(30))];
        assert_eq!(set("ours:", ours.clone()).await, Ok(true));
        assert_eq!(set("ours:", ours).await, Ok(false), "they are so already");
        assert_eq!(
            set("ours:", vec![rule("ours:b", None)]).await,
            Ok(true),
            "one is gone, one is another"
        );
        assert_eq!(set("ours:", vec![rule("ours:b", None)]).await, Ok(false));
        assert_eq!(
            set("theirs:", vec![rule("theirs:a", Some(30))]).await,
            Ok(false),
            "they were left alone"
        );
        assert_eq!(set("ours:", vec![]).await, Ok(true));
        assert_eq!(set("theirs:", vec![]).await, Ok(true), "the last one is gone");
        assert_eq!(set("theirs:", vec![]).await, Ok(false));
    });
}

#[test]
fn rules_of_both_kinds_are_written_as_one_kind() {
    const OTHERS: &str = "<LifecycleConfiguration>\
        <Rule><ID>older</ID><Prefix>old/</Prefix><Status>Enabled</Status><Expiration><Days>9</Days></Expiration></Rule>\
        <Rule><ID>newer</ID><Filter><ObjectSizeGreaterThan>7</ObjectSizeGreaterThan></Filter><Status>Disabled</Status>\
        <Expiration><Days>9</Days></Expiration></Rule></LifecycleConfiguration>";
    let service = Answers::serve(vec![Some((200, OTHERS.into())), Some((200, String::new()))]);
    let lifecycle = S3Lifecycle::new(&aws::config(&service.endpoint));
    assert_eq!(wait(lifecycle.set("b", "ours:", &[rule("ours:a", None)])), Ok(true));
    let requests = service.requests();
    let written = requests.last().expect("the rules were written");
    for kept in [
        "<Filter><Prefix>old/</Prefix></Filter>",
        "<Filter><ObjectSizeGreaterThan>7</ObjectSizeGreaterThan></Filter>",
        "<Filter><Prefix>ours:a/</Prefix></Filter>",
        "<Status>Disabled</Status>",
    ] {
        assert!(written.contains(kept), "{kept}: {written}");
    }
    let prefixes = written.matches("<Prefix>").count();
    assert_eq!(
        prefixes,
        written.matches("<Filter><Prefix>").count(),
        "a prefix outside a filter: {written}"
    );
}

#[test]
fn shards_of_a_stream_that_was_split_know_their_parent() {
    let shards = wait(async {
        let config = aws::config(&emulator().endpoint());
        let kinesis = aws_sdk_kinesis::Client::new(&config);
        let create = kinesis.create_stream().stream_name("listed").shard_count(1);
        create.send().await.expect("a stream can be made");
        let middle = (u128::MAX / 2 + 1).to_string();
        let split = kinesis
            .split_shard()
            .stream_name("listed")
            .new_starting_hash_key(middle);
        let split = split.shard_to_split("shardId-000000000000").send().await;
        split.expect("a shard can be split");
        let shards = KinesisShards::new(&config);
        assert_eq!(kind(shards.list("no-such-stream").await), Some(Kind::Fault));
        shards.list("listed").await.expect("the stream can be listed")
    });
    let (parent, children): (Vec<_>, Vec<_>) = shards.into_iter().partition(|shard| shard.parents.is_empty());
    assert_eq!((parent.len(), children.len()), (1, 2), "{parent:?} {children:?}");
    assert_eq!((parent[0].first_hash, parent[0].last_hash), (0, u128::MAX));
    let mut ranges: Vec<_> = children
        .iter()
        .map(|shard| (shard.first_hash, shard.last_hash))
        .collect();
    ranges.sort_unstable();
    assert_eq!(ranges, [(0, u128::MAX / 2), (u128::MAX / 2 + 1, u128::MAX)]);
    assert!(
        children.iter().all(|shard| shard.parents == [parent[0].id.as_str()]),
        "{children:?}"
    );
}

/// A page of `ListShards` with one shard.
#[expect(
    clippy::unnecessary_wraps,
    reason = "it is one of the answers, of which some are none"
)]
fn page(shard: u32, next: Option<&str>) -> Answer {
    let shards = json!([{
        "ShardId": format!("shardId-{shard:012}"), "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": "7"},
        "SequenceNumberRange": {"StartingSequenceNumber": "1"},
    }]);
    Some((200, json!({"Shards": shards, "NextToken": next}).to_string()))
}

#[test]
fn shards_are_listed_over_all_pages_within_a_bound() {
    let service = Answers::serve(vec![page(0, Some("second")), page(1, None)]);
    let shards = KinesisShards::new(&aws::config(&service.endpoint));
    let ids: Vec<String> = wait(shards.list("clicks"))
        .expect("two pages")
        .into_iter()
        .map(|shard| shard.id)
        .collect();
    assert_eq!(ids, ["shardId-000000000000", "shardId-000000000001"]);
    let requests = service.requests();
    assert!(requests[0].contains(r#""StreamName":"clicks""#), "{}", requests[0]);
    assert!(
        requests[1].contains(r#""NextToken":"second""#) && !requests[1].contains("StreamName"),
        "{}",
        requests[1]
    );

    let endless = Answers::serve(vec![page(0, Some("more"))]);
    let error = wait(KinesisShards::new(&aws::config(&endless.endpoint)).list("clicks")).expect_err("no end");
    assert_eq!(
        (error.kind, endless.requests().len()),
        (Kind::Fault, watershed_aws_kinesis::MAX_PAGES),
        "{error}"
    );
}

#[test]
fn a_listing_that_may_pass_is_no_fault() {
    for code in [
        "LimitExceededException",
        "ResourceInUseException",
        "ExpiredNextTokenException",
    ] {
        let service = Answers::serve(vec![Some((400, json!({"__type": code}).to_string()))]);
        let error = wait(KinesisShards::new(&aws::config(&service.endpoint)).list("clicks")).expect_err("refused");
        assert_eq!(error.kind, Kind::Transient, "{error}");
    }
}

#[test]
fn many_events_come_by_the_bus() {
    const EVENTS: usize = 25;
    let config = aws::config(&emulator().endpoint());
    let mut received = wait(async {
        let sqs = aws_sdk_sqs::Client::new(&config);
        let queue = sqs.create_queue().queue_name("published").send().await;
        let url = queue.expect("a queue can be made").queue_url.unwrap_or_default();
        rule_to_queue(&config, "arn:aws:sqs:us-east-1:000000000000:published").await;
        let details = (0..EVENTS).map(|n| json!({"n": n}).to_string()).collect();
        let bus = EventBridge::new(&config, "default");
        let published = bus.publish_all("watershed", "Many", details).await;
        published.expect("events can be put");
        let mut received: Vec<u64> = Vec::new();
        while received.len() < EVENTS {
            let receive = sqs.receive_message().queue_url(&url).max_number_of_messages(10);
            let page = receive.wait_time_seconds(5).send().await.expect("the queue answers");
            let messages = page.messages.unwrap_or_default();
            assert!(!messages.is_empty(), "only {received:?}");
            received.extend(messages.iter().map(|message| {
                let event: Value = serde_json::from_str(message.body().unwrap_or_default()).expect("an event");
                event["detail"]["n"].as_u64().expect("the event's detail")
            }));
        }
        received
    });
    received.sort_unstable();
    assert_eq!(received, (0..EVENTS as u64).collect::<Vec<_>>());
}

async fn rule_to_queue(config: &SdkConfig, queue_arn: &str) {
    let events = aws_sdk_eventbridge::Client::new(config);
    let rule = events
        .put_rule()
        .name("many")
        .event_pattern(json!({"source": ["watershed"]}).to_string());
    rule.send().await.expect("a rule can be made");
    let target = aws_sdk_eventbridge::types::Target::builder()
        .id("queue")
        .arn(queue_arn)
        .build();
    let targets = events.put_targets().rule("many").targets(target.expect("a target"));
    targets.send().await.expect("a target can be set");
}

#[test]
fn many_events_are_few_calls_and_one_that_failed_fails_them_all() {
    let said = |codes: &[Option<&str>]| {
        let entries: Vec<Value> = codes
            .iter()
            .map(|code| json!({"ErrorCode": code, "ErrorMessage": "why"}))
            .collect();
        let failed = codes.iter().flatten().count();
        Some((200, json!({"FailedEntryCount": failed, "Entries": entries}).to_string()))
    };
    let publish = |answers: Vec<Answer>, events: usize| {
        let service = Answers::serve(answers);
        let bus = EventBridge::new(&aws::config(&service.endpoint), "default");
        let details = (0..events).map(|n| json!({"n": n}).to_string()).collect();
        let answer = wait(bus.publish_all("watershed", "Many", details));
        (answer, service.requests())
    };
    let (answer, requests) = publish(vec![said(&[None])], 25);
    assert_eq!(answer, Ok(()));
    let entries: Vec<usize> = requests
        .iter()
        .map(|request| request.matches(r#""DetailType":"Many""#).count())
        .collect();
    assert_eq!(entries, [10, 10, 5]);
    assert_eq!(publish(vec![said(&[None])], 0), (Ok(()), Vec::new()), "none is no call");
    let (answer, _) = publish(vec![said(&[None]), said(&[None, Some("ThrottlingException")])], 12);
    let error = answer.expect_err("an entry failed");
    assert_eq!(error.kind, Kind::Transient, "{error}");
    assert!(
        error.message.ends_with("1 of 2 entries: ThrottlingException: why"),
        "{error}"
    );
    let (answer, _) = publish(vec![said(&[Some("InternalFailure"), Some("MalformedDetail")])], 2);
    assert_eq!(kind(answer), Some(Kind::Fault));
}
