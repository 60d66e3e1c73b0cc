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
    let parameters = &expanded().0["Parameters"];
    let default = |reference: &Value| {
        let name = reference["Ref"].as_str().expect("a parameter");
        parameters[name]["Default"].as_u64().expect("a number")
    };
    let queues = resources("AWS::SQS::Queue");
    let functions = resources("AWS::Lambda::Function");
    for (name, mapping) in resources("AWS::Lambda::EventSourceMapping") {
        assert_eq!(
            mapping["FunctionResponseTypes"],
            serde_json::json!(["ReportBatchItemFailures"]),
            "{name}"
        );
        assert!(
            !mapping["ScalingConfig"]["MaximumConcurrency"].is_null(),
            "{name} has no limit"
        );
        let queue = mapping["EventSourceArn"]["Fn::GetAtt"][0]
            .as_str()
            .expect("a queue of this template");
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
            default(&queue["VisibilityTimeout"]) >= 6 * default(&function["Timeout"]),
            "{name}"
        );
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
