//! The deployed template.

use crate::{Emulator, Error, Home, Result, Ui, aws, kinesis, package, package::Package, template};
use aws_sdk_cloudformation::{Client, error::ProvideErrorMetadata, types::Parameter, types::StackStatus};
use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    time::{Duration, Instant},
};

/// Its name.
pub const STACK: &str = "watershed";
/// Where deployment packages lie.
const ARTIFACTS: &str = "watershed-artifacts";
/// Where the template says that the contracts lie: a home may have others.
const CONTRACTS: &str = "contracts/";
/// Longest until a stack stands.
const DEPLOY_TIMEOUT: Duration = Duration::from_mins(3);
/// Between two looks at it.
const POLL: Duration = Duration::from_millis(250);
/// What the local cloud sets otherwise than the template's defaults. Timeouts are short so that a lost delivery comes again
/// while someone is looking; visibility is not six times the timeout, since nothing here is throttled. Objects are large where a
/// laptop can show it.
const PARAMETERS: [(&str, &str); 23] = [
    ("Stage", "local"),
    ("RawBucketName", "watershed-raw"),
    ("LakeBucketName", "watershed-lake"),
    ("IngestTimeoutSeconds", "120"),
    ("IngestVisibilitySeconds", "120"),
    ("IngestConcurrency", "4"),
    ("EnrichTimeoutSeconds", "120"),
    ("EnrichVisibilitySeconds", "120"),
    ("EnrichConcurrency", "2"),
    ("CompactTimeoutSeconds", "120"),
    ("CompactVisibilitySeconds", "120"),
    ("CompactConcurrency", "2"),
    ("CompactBatchSeconds", "1"),
    ("AggregateTimeoutSeconds", "120"),
    ("AggregateSqlSeconds", "90"),
    ("AggregateVisibilitySeconds", "120"),
    ("AggregateConcurrency", "2"),
    ("ReplayTimeoutSeconds", "120"),
    ("ReplayVisibilitySeconds", "120"),
    ("ReplayLookSeconds", "1"),
    ("SplitAboveMb", "16"),
    ("PartMb", "8"),
    ("StreamBatchSeconds", "1"),
];

/// Outputs that name the queues which lead to tables.
pub const QUEUES: [&str; 4] = ["RawQueueUrl", "EnrichQueueUrl", "AggregateQueueUrl", "CommitQueueUrl"];

/// The stack's outputs.
#[derive(Debug, Clone)]
pub struct Stack {
    outputs: BTreeMap<String, String>,
}

impl Stack {
    /// Builds, packages and deploys the template; what did not change is left as it is.
    pub async fn deploy(home: &Home, emulator: &Emulator, ui: Ui) -> Result<Self> {
        Self::deploy_with(home, emulator, &[], ui).await
    }

    /// The same, with these values for parameters of the template.
    pub async fn deploy_with(home: &Home, emulator: &Emulator, given: &[(&str, &str)], ui: Ui) -> Result<Self> {
        let text = fs::read_to_string(home.template()).map_err(Error::doing(home.template().display()))?;
        let executables = package::build(home, ui)?;
        let step = ui.step("Stack");
        let mut uris = BTreeMap::new();
        for location in template::locations(&text) {
            step.note(format!("packaging {location}"));
            let package = package_of(home, location, &executables)?;
            uris.insert(location.to_string(), upload(emulator, &package).await?);
        }
        let body = template::relocate(&text, |location| uris.get(location).cloned().unwrap_or_default());
        step.note("deploying");
        let client = Client::new(&aws::config(&emulator.endpoint()));
        let url = upload_template(emulator, &body).await?;
        let changed = apply(&client, &url, parameters(home, given)).await?;
        let stack = if changed {
            wait(&client).await?
        } else {
            describe(&client).await?
        };
        kinesis::check(&emulator.endpoint()).await?;
        step.done(if changed { "deployed" } else { "is as it should be" });
        Ok(stack)
    }

    /// The one that stands there, if any.
    pub async fn find(emulator: &Emulator) -> Option<Self> {
        describe(&Client::new(&aws::config(&emulator.endpoint()))).await.ok()
    }

    /// The value of an output of the template.
    pub fn output(&self, name: &str) -> Result<&str> {
        self.outputs.get(name).map(String::as_str).ok_or_else(|| {
            Error::new(format!("the stack {STACK} has no output {name}")).help("deploy it: `cargo local deploy`")
        })
    }

    /// All outputs.
    pub fn outputs(&self) -> &BTreeMap<String, String> {
        &self.outputs
    }
}

fn package_of(home: &Home, location: &str, executables: &BTreeMap<String, std::path::PathBuf>) -> Result<Package> {
    let name = Path::new(location).file_name().unwrap_or_default().to_string_lossy();
    let folder = if location == CONTRACTS {
        home.contracts()
    } else {
        home.root().join("infra").join(location)
    };
    match executables.get(name.as_ref()) {
        Some(executable) => Package::function(&name, executable),
        None if location.starts_with("../functions/") => Err(Error::new(format!(
            "infra/template.yaml names {location}, and no binary {name} was built"
        ))
        .help(format!(
            "name the binary of that crate `{name}`: [[bin]] name = \"{name}\""
        ))),
        None => Package::layer(&name, &folder),
    }
}

/// Uploads the package where it is not there already; gives its `s3://` location.
async fn upload(emulator: &Emulator, package: &Package) -> Result<String> {
    let s3 = aws::s3(&emulator.endpoint());
    ensure_bucket(&s3).await?;
    if s3
        .head_object()
        .bucket(ARTIFACTS)
        .key(&package.key)
        .send()
        .await
        .is_err()
    {
        let body = package.zip()?.into();
        let put = s3
            .put_object()
            .bucket(ARTIFACTS)
            .key(&package.key)
            .body(body)
            .send()
            .await;
        put.map_err(|error| Error::new(format!("cannot upload {}: {}", package.key, said(&error))))?;
    }
    Ok(format!("s3://{ARTIFACTS}/{}", package.key))
}

async fn upload_template(emulator: &Emulator, body: &str) -> Result<String> {
    const KEY: &str = "template.yaml";
    let s3 = aws::s3(&emulator.endpoint());
    let put = s3
        .put_object()
        .bucket(ARTIFACTS)
        .key(KEY)
        .body(body.as_bytes().to_vec().into())
        .send()
        .await;
    put.map_err(|error| Error::new(format!("cannot upload the template: {}", said(&error))))?;
    Ok(format!("{}/{ARTIFACTS}/{KEY}", emulator.endpoint()))
}

async fn ensure_bucket(s3: &aws_sdk_s3::Client) -> Result<()> {
    if s3.head_bucket().bucket(ARTIFACTS).send().await.is_ok() {
        return Ok(());
    }
    let made = s3.create_bucket().bucket(ARTIFACTS).send().await;
    made.map(drop)
        .map_err(|error| Error::new(format!("cannot make the bucket {ARTIFACTS}: {}", said(&error))))
}

fn parameters(home: &Home, given: &[(&str, &str)]) -> Vec<Parameter> {
    let architecture = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "x86_64"
    };
    // Layers are not mounted here: the functions read the contracts where they lie.
    let contracts = home.contracts().display().to_string();
    let parameter = |key: &str, value: &str| Parameter::builder().parameter_key(key).parameter_value(value).build();
    let own = [("Architecture", architecture), ("ContractsDir", contracts.as_str())];
    let is_given = |name: &str| given.iter().any(|(key, _)| *key == name);
    PARAMETERS
        .iter()
        .chain(&own)
        .filter(|(key, _)| !is_given(key))
        .chain(given)
        .map(|(key, value)| parameter(key, value))
        .collect()
}

/// Creates or updates; tells whether there is anything to wait for.
async fn apply(client: &Client, url: &str, parameters: Vec<Parameter>) -> Result<bool> {
    use aws_sdk_cloudformation::types::Capability::{CapabilityAutoExpand, CapabilityIam, CapabilityNamedIam};
    let capabilities = vec![CapabilityIam, CapabilityNamedIam, CapabilityAutoExpand];
    let status = status(client).await;
    if status.as_ref().is_some_and(never_stood) {
        client
            .delete_stack()
            .stack_name(STACK)
            .send()
            .await
            .map_err(|error| Error::new(said(&error)))?;
        let begun = Instant::now();
        while self::status(client).await.is_some() && begun.elapsed() < DEPLOY_TIMEOUT {
            tokio::time::sleep(POLL).await;
        }
    } else if status.is_some() {
        let update = client.update_stack().stack_name(STACK).template_url(url);
        let update = update
            .set_parameters(Some(parameters))
            .set_capabilities(Some(capabilities))
            .send()
            .await;
        return match update {
            Ok(_) => Ok(true),
            Err(error) if said(&error).contains("No updates are to be performed") => Ok(false),
            Err(error) => Err(Error::new(format!(
                "CloudFormation refused the update: {}",
                said(&error)
            ))),
        };
    }
    let create = client.create_stack().stack_name(STACK).template_url(url);
    let create = create
        .set_parameters(Some(parameters))
        .set_capabilities(Some(capabilities))
        .send()
        .await;
    create
        .map(|_| true)
        .map_err(|error| Error::new(format!("CloudFormation refused the template: {}", said(&error))))
}

/// A stack whose creation failed can only be deleted (AWS CloudFormation, "Stack status codes").
fn never_stood(status: &StackStatus) -> bool {
    matches!(
        status,
        StackStatus::RollbackComplete | StackStatus::CreateFailed | StackStatus::RollbackFailed
    )
}

async fn status(client: &Client) -> Option<StackStatus> {
    let stacks = client.describe_stacks().stack_name(STACK).send().await.ok()?.stacks?;
    stacks
        .first()?
        .stack_status
        .clone()
        .filter(|status| *status != StackStatus::DeleteComplete)
}

async fn wait(client: &Client) -> Result<Stack> {
    let begun = Instant::now();
    loop {
        match status(client).await {
            Some(StackStatus::CreateComplete | StackStatus::UpdateComplete) => return describe(client).await,
            Some(status) if status.as_str().ends_with("_IN_PROGRESS") && begun.elapsed() < DEPLOY_TIMEOUT => {
                tokio::time::sleep(POLL).await;
            }
            status => {
                let status = status.map_or("it is gone".to_string(), |status| status.as_str().to_string());
                return Err(Error::new(format!("the stack {STACK} was not deployed ({status})"))
                    .help(failures(client).await.join("\n  ")));
            }
        }
    }
}

/// What CloudFormation says of each resource that failed.
async fn failures(client: &Client) -> Vec<String> {
    let events = client.describe_stack_events().stack_name(STACK).send().await;
    let events = events
        .map(|events| events.stack_events.unwrap_or_default())
        .unwrap_or_default();
    let failed = events.iter().filter(|event| {
        event
            .resource_status
            .as_ref()
            .is_some_and(|s| s.as_str().ends_with("FAILED"))
    });
    failed
        .map(|event| {
            let text = |value: &Option<String>| value.clone().unwrap_or_default();
            let (id, kind) = (text(&event.logical_resource_id), text(&event.resource_type));
            format!("{id} ({kind}): {}", text(&event.resource_status_reason))
        })
        .collect()
}

async fn describe(client: &Client) -> Result<Stack> {
    let answer = client.describe_stacks().stack_name(STACK).send().await;
    let stacks = answer
        .map_err(|error| Error::new(said(&error)))?
        .stacks
        .unwrap_or_default();
    let stack = stacks
        .into_iter()
        .next()
        .ok_or_else(|| Error::new(format!("there is no stack {STACK}")))?;
    let outputs = stack.outputs.unwrap_or_default();
    let pairs = outputs
        .into_iter()
        .filter_map(|output| Some((output.output_key?, output.output_value?)));
    Ok(Stack {
        outputs: pairs.collect(),
    })
}

/// The service's own words where it answered, or else the whole chain of causes.
fn said<E: ProvideErrorMetadata + std::error::Error>(error: &E) -> String {
    if let Some(message) = error.message() {
        return message.to_string();
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
