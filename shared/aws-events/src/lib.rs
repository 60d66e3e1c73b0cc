//! watershed-aws-events
