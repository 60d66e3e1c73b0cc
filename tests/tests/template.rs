//! The SAM template: what it expands to, what the linters say, and what it must promise.

use serde_json::Value;
use std::{fs, path::PathBuf, process::Command, sync::OnceLock};
use watershed_local::{
    command,
    venv::{Python, Venv},
};
use watershed_tests::{home, python, script};

fn checks() -> Python {
    python(Venv::Checks)
}

/// The template as CloudFormation sees it, and the file it lies in.
fn expanded() -> &'static (Value, PathBuf) {
    static EXPANDED: OnceLock<(Value, PathBuf)> = OnceLock::new();
    EXPANDED.get_or_init(|| {
        let mut expand = checks().command(script("expand.py"));
        let text = command::output(expand.arg(home().template())).unwrap_or_else(|error| panic!("{error}"));
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("template.json");
        fs::write(&path, &text).expect("the temporary folder can be written");
        (serde_json::from_str(&text).expect("CloudFormation as JSON"), path)
    })
}

/// Resources of a type: name and properties.
fn resources(kind: &str) -> Vec<(String, Value)> {
    let all = expanded().0["Resources"].as_object().expect("a template has resources");
    let of_kind = all.iter().filter(|(_, resource)| resource["Type"] == kind);
    of_kind
        .map(|(name, resource)| (name.clone(), resource["Properties"].clone()))
        .collect()
}

/// The resource of this template that a mapping reads.
fn source_of(mapping: &Value) -> &str {
    mapping["EventSourceArn"]["Fn::GetAtt"][0]
        .as_str()
        .expect("a queue or stream of this template")
}

/// Event source mappings that read a resource of this type. Each hears of single failures.
fn mappings_of(kind: &str) -> Vec<(String, Value)> {
    let sources: Vec<String> = resources(kind).into_iter().map(|(name, _)| name).collect();
    let mut mappings = resources("AWS::Lambda::EventSourceMapping");
    mappings.retain(|(_, mapping)| sources.iter().any(|source| source == source_of(mapping)));
    assert!(!mappings.is_empty(), "nothing reads a {kind}");
    for (name, mapping) in &mappings {
        let responses = &mapping["FunctionResponseTypes"];
        assert_eq!(*responses, serde_json::json!(["ReportBatchItemFailures"]), "{name}");
    }
    mappings
}

/// The default of the parameter that is referred to, or the number that stands there.
fn number(value: &Value) -> i64 {
    let default = |name: &str| expanded().0["Parameters"][name]["Default"].as_i64();
    let number = value["Ref"].as_str().map_or_else(|| value.as_i64(), default);
    number.unwrap_or_else(|| panic!("{value} is no number, and no parameter with one"))
}

fn passes(mut tool: Command) {
    command::output(&mut tool).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn cfn_lint_accepts_the_source_and_what_it_expands_to() {
    for path in [&home().template(), &expanded().1] {
        let mut lint = checks().tool("cfn-lint");
        lint.args(["--include-checks", "I", "--non-zero-exit-code", "informational", "--"])
            .arg(path);
        passes(lint);
    }
}

#[test]
fn checkov_accepts_it_but_for_what_is_explained() {
    let mut checkov = checks().tool("checkov");
    checkov
        .arg("--config-file")
        .arg(home().root().join("tests/checkov.yaml"))
        .arg("--file")
        .arg(&expanded().1);
    passes(checkov);
}

#[test]
fn buckets_are_private_encrypted_and_speak_tls_only() {
    let buckets = resources("AWS::S3::Bucket");
    let policies = resources("AWS::S3::BucketPolicy");
    assert_eq!(buckets.len(), 2);
    for (name, bucket) in buckets {
        let block = bucket["PublicAccessBlockConfiguration"]
            .as_object()
            .expect("public access is blocked");
        assert!(
            block.len() == 4 && block.values().all(|blocked| blocked == true),
            "{name}: {block:?}"
        );
        assert!(
            bucket["BucketEncryption"].is_object() && bucket["LifecycleConfiguration"].is_object(),
            "{name}"
        );
        let policy = policies
            .iter()
            .find(|(_, policy)| policy["Bucket"]["Ref"] == *name)
            .expect("a bucket has a policy");
        let statement = &policy.1["PolicyDocument"]["Statement"][0];
        assert_eq!(statement["Effect"], "Deny");
        assert_eq!(statement["Condition"]["Bool"]["aws:SecureTransport"], "false");
    }
}

#[test]
fn every_source_queue_has_dead_letters_and_hides_long_enough() {
    let queues = resources("AWS::SQS::Queue");
    let functions = resources("AWS::Lambda::Function");
    for (name, mapping) in mappings_of("AWS::SQS::Queue") {
        assert!(
            !mapping["ScalingConfig"]["MaximumConcurrency"].is_null(),
            "{name} has no limit"
        );
        let queue = source_of(&mapping);
        let queue = &queues
            .iter()
            .find(|(known, _)| known == queue)
            .expect("a queue of this template")
            .1;
        assert!(
            queue["RedrivePolicy"]["deadLetterTargetArn"].is_object(),
            "{name}: no dead letters"
        );
        let function = mapping["FunctionName"]["Ref"]
            .as_str()
            .expect("a function of this template");
        let function = &functions
            .iter()
            .find(|(known, _)| known == function)
            .expect("a function")
            .1;
        // AWS Lambda, "Using Lambda with Amazon SQS": six times the timeout.
        assert!(
            number(&queue["VisibilityTimeout"]) >= 6 * number(&function["Timeout"]),
            "{name}"
        );
    }
}

#[test]
fn records_of_streams_come_in_order_and_none_is_given_up_unseen() {
    let streams = resources("AWS::Kinesis::Stream");
    for (name, mapping) in mappings_of("AWS::Kinesis::Stream") {
        let stream = &streams
            .iter()
            .find(|(known, _)| known == source_of(&mapping))
            .expect("a stream")
            .1;
        assert_eq!(stream["StreamEncryption"]["EncryptionType"], "KMS", "{name}");
        // Windows hang on the order of a shard's records, and on having all of them.
        assert_eq!(number(&mapping["ParallelizationFactor"]), 1, "{name}");
        assert_eq!(mapping["StartingPosition"], "TRIM_HORIZON", "{name}");
        assert_eq!(mapping["BisectBatchOnFunctionError"], true, "{name}");
        // What is given up can still be read from the stream, for a day at least.
        let (age_s, kept_s) = (
            number(&mapping["MaximumRecordAgeInSeconds"]),
            3_600 * number(&stream["RetentionPeriodHours"]),
        );
        assert!(age_s <= kept_s - 86_400, "{name}: {age_s} s of {kept_s} s");
        let told = &mapping["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0];
        let told = told.as_str().expect("a queue of this template");
        let watched = resources("AWS::CloudWatch::Alarm")
            .into_iter()
            .any(|(_, alarm)| alarm["Dimensions"][0]["Value"]["Fn::GetAtt"][0] == told);
        assert!(watched, "{name}: {told} has no alarm");
    }
}

#[test]
fn checkpoints_of_streams_stay() {
    let buckets = resources("AWS::S3::Bucket");
    let (_, lake) = buckets.iter().find(|(name, _)| name == "LakeBucket").expect("the lake");
    let rules = lake["LifecycleConfiguration"]["Rules"].as_array().expect("rules");
    let touches = |rule: &&Value| {
        let prefix = rule["Prefix"].as_str().unwrap_or_default();
        "streams/".starts_with(prefix) || prefix.starts_with("streams/")
    };
    let mut replaced = false;
    for rule in rules.iter().filter(touches) {
        for action in ["ExpirationInDays", "ExpirationDate", "Transition", "Transitions"] {
            assert!(rule.get(action).is_none(), "{rule}");
        }
        replaced |= rule["NoncurrentVersionExpiration"]["NoncurrentDays"] == 1;
    }
    // Who may not list a bucket is told 403 of an object that is not there, and a read has no prefix that could be a condition.
    let allowed = resources("AWS::IAM::Role")
        .into_iter()
        .find(|(name, _)| name == "AnalyzeRole");
    let (_, allowed) = allowed.expect("analyze has a role");
    let statements = allowed["Policies"][0]["PolicyDocument"]["Statement"]
        .as_array()
        .expect("statements");
    let lists = statements
        .iter()
        .find(|statement| statement["Action"] == "s3:ListBucket");
    assert!(
        lists.is_some_and(|statement| statement.get("Condition").is_none()),
        "{lists:?}"
    );
    assert!(
        replaced,
        "a checkpoint leaves a version every few seconds, and each is kept"
    );
}

#[test]
fn lineage_is_sent_on_only_where_there_is_an_address() {
    let (template, resources) = (&expanded().0, &expanded().0["Resources"]);
    assert_eq!(template["Parameters"]["LineageUrl"]["Default"], "");
    assert_eq!(template["Parameters"]["LineageAuthorization"]["NoEcho"], true);
    for name in [
        "LineageConnection",
        "LineageDestination",
        "LineageEvent",
        "LineageRole",
        "LineageDeadLetters",
    ] {
        assert_eq!(resources[name]["Condition"], "SendLineage", "{name}");
    }
    let sends = &resources["Commit"]["Properties"]["Environment"]["Variables"]["WATERSHED_SEND_LINEAGE"];
    assert_eq!(*sends, serde_json::json!({"Fn::If": ["SendLineage", "true", "false"]}));
}

#[test]
fn alarms_and_rules_may_use_the_topic_and_its_key() {
    // AWS re:Post, "How do I configure a CloudWatch alarm with an encrypted SNS topic?": not with alias/aws/sns.
    let (keys, policies) = (resources("AWS::KMS::Key"), resources("AWS::SNS::TopicPolicy"));
    for (name, topic) in resources("AWS::SNS::Topic") {
        let key = &keys
            .iter()
            .find(|(key, _)| topic["KmsMasterKeyId"]["Ref"] == **key)
            .unwrap_or_else(|| panic!("{name} is encrypted with a key of this template"))
            .1;
        let policy = &policies
            .iter()
            .find(|(_, policy)| policy["Topics"][0]["Ref"] == *name)
            .unwrap_or_else(|| panic!("{name} has a policy"))
            .1;
        for service in ["cloudwatch.amazonaws.com", "events.amazonaws.com"] {
            for document in [&key["KeyPolicy"], &policy["PolicyDocument"]] {
                assert!(document.to_string().contains(service), "{name}: {service}: {document}");
            }
        }
        // KMS is not told whose rule it is: what a condition refuses is dropped without a word.
        for document in [&key["KeyPolicy"], &policy["PolicyDocument"]] {
            let statements = document["Statement"].as_array().expect("statements");
            let mut of_rules = statements
                .iter()
                .filter(|statement| statement.to_string().contains("events.amazonaws.com"));
            assert!(
                of_rules.all(|statement| statement.get("Condition").is_none()),
                "{document}"
            );
        }
    }
}

#[test]
fn the_dashboard_is_json_of_metrics_that_are_there() {
    for (name, dashboard) in resources("AWS::CloudWatch::Dashboard") {
        let body = dashboard["DashboardBody"]["Fn::Sub"].as_str().expect("a text");
        let body: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{name}: {error}"));
        let widgets = body["widgets"].as_array().expect("widgets");
        // No widget lies on another.
        let place = |widget: &Value, key: &str| widget[key].as_u64().unwrap_or_else(|| panic!("{key} of {widget}"));
        let corners: std::collections::BTreeSet<(u64, u64)> = widgets
            .iter()
            .map(|widget| (place(widget, "x"), place(widget, "y")))
            .collect();
        assert_eq!(corners.len(), widgets.len(), "{name}");
        for metric in [
            "RowsLate",
            "WindowsFired",
            "Anomalies",
            "KeysEvicted",
            "StateBytes",
            "IteratorAge",
        ] {
            assert!(body.to_string().contains(metric), "{name} shows no {metric}");
        }
    }
}

#[test]
fn functions_are_arm64_traced_and_keep_their_logs_for_a_while() {
    assert_eq!(expanded().0["Parameters"]["Architecture"]["Default"], "arm64");
    let groups = resources("AWS::Logs::LogGroup");
    for (name, function) in resources("AWS::Lambda::Function") {
        assert_eq!(function["Runtime"], "provided.al2023", "{name}");
        assert_eq!(function["TracingConfig"]["Mode"], "Active", "{name}");
        let group = function["LoggingConfig"]["LogGroup"]["Ref"]
            .as_str()
            .expect("a log group of this template");
        let group = groups
            .iter()
            .find(|(known, _)| known == group)
            .expect("a log group of this template");
        assert!(group.1["RetentionInDays"].is_object(), "{name}");
    }
}

#[test]
fn roles_name_what_they_may_touch() {
    for (name, role) in resources("AWS::IAM::Role") {
        assert!(
            role.get("ManagedPolicyArns").is_none(),
            "{name}: managed policies allow more than is needed"
        );
        for policy in role["Policies"].as_array().expect("inline policies") {
            for statement in policy["PolicyDocument"]["Statement"].as_array().expect("statements") {
                let text = statement["Action"].to_string();
                assert!(!text.contains(":*") && !text.contains("\"*\""), "{name}: {statement}");
                // AWS X-Ray has no resources to name.
                assert!(
                    statement["Resource"] != "*" || text.contains("xray:"),
                    "{name}: {statement}"
                );
            }
        }
    }
}

#[test]
fn code_is_found_where_the_template_says() {
    let text = fs::read_to_string(home().template()).expect("the template is there");
    let locations = watershed_local::template::locations(&text);
    assert!(locations.len() >= 3, "{locations:?}");
    for location in locations {
        assert!(home().root().join("infra").join(location).is_dir(), "{location}");
    }
}
