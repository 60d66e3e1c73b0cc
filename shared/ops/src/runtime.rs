//! The loop between a function and the Lambda runtime API.

use crate::invocation::Invocation;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::{Serialize, de::DeserializeOwned};
use std::{future::Future, sync::Arc};

/// Runs `handle` for every invocation, for ever, on one thread. What `handle` returns is the answer; an error of it fails the
/// invocation. `handle` finishes the [`Invocation`] that it is given, so that its wide line is the last.
///
/// The event is read as what `handle` takes: [`serde_json::Value`]; or `Box<RawValue>` ([`serde_json::value::RawValue`]), which is its
/// text as it came, for a function that reads large events itself.
pub fn run<S, E, A, F>(
    service: &'static str,
    state: S,
    handle: impl Fn(Arc<S>, Invocation, E) -> F,
) -> Result<(), Error>
where
    E: DeserializeOwned,
    F: Future<Output = Result<A, Error>>,
    A: Serialize,
{
    let state = Arc::new(state);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(lambda_runtime::run(service_fn(|event: LambdaEvent<E>| {
        let context = &event.context;
        let invocation = Invocation::begin(
            service,
            &context.env_config.function_name,
            &context.request_id,
            context.xray_trace_id.clone(),
            context.deadline(),
            Box::new(std::io::stdout()),
        );
        handle(Arc::clone(&state), invocation, event.payload)
    })))
}
