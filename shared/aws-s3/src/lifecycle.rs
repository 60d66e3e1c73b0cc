//! [`Lifecycle`] over Amazon S3.

use crate::client;
use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_s3::{
    Client,
    error::SdkError,
    operation::get_bucket_lifecycle_configuration::GetBucketLifecycleConfigurationError,
    types::{
        BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule as Rule,
        LifecycleRuleFilter, Transition, TransitionDefaultMinimumObjectSize, TransitionStorageClass,
    },
};
use watershed_aws::port_error;
use watershed_ports::{Lifecycle, LifecycleRule, PortError};

/// Most rules of a bucket (Amazon S3, "Lifecycle configuration elements").
pub const MAX_RULES: usize = 1_000;

/// One client, shared by every call.
#[derive(Debug, Clone)]
pub struct S3Lifecycle {
    client: Client,
}

impl S3Lifecycle {
    /// Of that configuration.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: client(config) }
    }

    async fn read(&self, bucket: &str) -> Result<Current, PortError> {
        let answer = self
            .client
            .get_bucket_lifecycle_configuration()
            .bucket(bucket)
            .send()
            .await;
        match answer {
            Ok(configuration) => Ok(Current {
                rules: configuration.rules.unwrap_or_default(),
                smallest: configuration.transition_default_minimum_object_size,
            }),
            Err(error) if is_absent(&error) => Ok(Current::default()),
            Err(error) => Err(port_error(&format!("reading the lifecycle of s3://{bucket}"), &error)),
        }
    }
}

/// What a bucket has. It is written as a whole.
#[derive(Default)]
struct Current {
    rules: Vec<Rule>,
    /// From which size on objects move to other storage classes.
    smallest: Option<TransitionDefaultMinimumObjectSize>,
}

/// The same rule with its prefix in a filter. S3 gives a rule back as it was written, some with the older prefix beside the filter's place,
/// and refuses to take both kinds in one configuration ("Filter element can only be used in Lifecycle V2").
fn with_filter(mut rule: Rule) -> Rule {
    #[allow(deprecated)]
    let prefix = rule.prefix.take();
    if rule.filter.is_none() {
        let filter = LifecycleRuleFilter::builder().prefix(prefix.unwrap_or_default());
        rule.filter = Some(filter.build());
    }
    rule
}

fn is_absent(error: &SdkError<GetBucketLifecycleConfigurationError>) -> bool {
    let code = error.as_service_error().and_then(|error| error.meta().code());
    code == Some("NoSuchLifecycleConfiguration")
}

#[async_trait]
impl Lifecycle for S3Lifecycle {
    async fn set(&self, bucket: &str, own: &str, rules: &[LifecycleRule]) -> Result<bool, PortError> {
        let doing = format!("writing the lifecycle of s3://{bucket}");
        let wanted: Vec<Rule> = rules
            .iter()
            .map(rule)
            .collect::<Result<_, _>>()
            .map_err(|e| PortError::fault(format!("{doing}: {e}")))?;
        let is_own = |rule: &Rule| rule.id().is_some_and(|id| id.starts_with(own));
        let current = self.read(bucket).await?;
        let (mut former, others): (Vec<Rule>, Vec<Rule>) = current.rules.into_iter().partition(is_own);
        former.sort_by(|a, b| a.id().cmp(&b.id()));
        if former == wanted {
            return Ok(false);
        }
        let all: Vec<Rule> = others.into_iter().map(with_filter).chain(wanted).collect();
        if all.len() > MAX_RULES {
            return Err(PortError::fault(format!(
                "{doing}: {} rules, and a bucket has at most {MAX_RULES}",
                all.len()
            )));
        }
        if all.is_empty() {
            let request = self.client.delete_bucket_lifecycle().bucket(bucket);
            return request
                .send()
                .await
                .map(|_| true)
                .map_err(|error| port_error(&doing, &error));
        }
        let configuration = BucketLifecycleConfiguration::builder().set_rules(Some(all)).build();
        let configuration = configuration.map_err(|e| PortError::fault(format!("{doing}: {e}")))?;
        let request = self.client.put_bucket_lifecycle_configuration().bucket(bucket);
        let request = request.set_transition_default_minimum_object_size(current.smallest);
        let answer = request.lifecycle_configuration(configuration).send().await;
        answer.map(|_| true).map_err(|error| port_error(&doing, &error))
    }
}

fn rule(rule: &LifecycleRule) -> Result<Rule, aws_sdk_s3::error::BuildError> {
    let classes = [
        (rule.infrequent_days, TransitionStorageClass::StandardIa),
        (rule.archive_days, TransitionStorageClass::GlacierIr),
    ];
    let transitions = classes.into_iter().filter_map(|(days, class)| {
        let days = days?;
        Some(Transition::builder().days(days as i32).storage_class(class).build())
    });
    let transitions: Vec<Transition> = transitions.collect();
    let expiration = rule
        .expire_days
        .map(|days| LifecycleExpiration::builder().days(days as i32).build());
    Rule::builder()
        .id(&rule.id)
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix(&rule.prefix).build())
        .set_transitions((!transitions.is_empty()).then_some(transitions))
        .set_expiration(expiration)
        .build()
}
