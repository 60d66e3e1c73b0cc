//! watershed-aws-glue
