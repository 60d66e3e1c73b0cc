//! **query**: the lake, asked by people and programs.
//!
//! | | |
//! |---|---|
//! | Trigger | API Gateway (HTTP API), authorised by IAM or a JWT |
//! | Input | `POST /query`: SQL; `GET`, `DELETE /query/{id}`: one that Athena runs; `GET /search`: words; `GET /datasets`, `GET /datasets/{name}`; `GET /openapi.json` |
//! | Output | rows as JSON, CSV or Arrow; rows and tables that have those words; what the contracts and the catalog say of datasets |
//! | State of the tables | one of each, found when the request comes; Athena reads the same ones |
//! | What is too large here | goes to Athena; the answer is an id to ask for ([`later`]) |
//! | Key | of such a query: a digest of caller, text, states of the tables and quarter of an hour |
//! | Writes | who began it, and its columns: one object in the lake, for some days |
//! | What only some may see | columns classified as personal are not there for others |
//! | Error | `application/problem+json` (RFC 9457), with the place in the SQL; 4xx is the caller's to mend, 5xx is not |
//! | Limits | time, memory, bytes read, rows, bytes of the answer: each has its own message |
//!
//! Sequence: [`route`](handle) a request, find out who asks ([`access`]), find the [`tables`], run the SQL (`shared/sql`), write rows
//! ([`answer`]) or have Athena find them, whose [`values`] are text. Words are looked for in the indexes that the function
//! `index` makes ([`search`]).

pub mod access;
pub mod answer;
pub mod config;
pub mod datasets;
pub mod http;
pub mod later;
pub mod problem;
pub mod query;
pub mod search;
pub mod started;
pub mod tables;
pub mod values;

pub use config::Config;

use access::Access;
use http::{Request, Response};
use problem::Problem;
use serde_json::{Value, json};
use std::sync::Arc;
use tables::Tables;
use tokio::sync::OnceCell;
use watershed_aws_athena::Athena;
use watershed_aws_glue::GlueCatalog;
use watershed_aws_s3::S3Store;
use watershed_contract::Contracts;
use watershed_ops::{Invocation, Level, Unit};
use watershed_ports::{Catalog, ObjectStore, PortError, Queries};
use watershed_sql::Engine;

/// Name in logs and metrics.
pub const SERVICE: &str = "query";

/// What the API is: served under `/openapi.json`.
pub const OPENAPI: &str = include_str!("../openapi.json");

/// What the function needs of the outside.
#[derive(Clone)]
pub struct Ports {
    /// The lake.
    pub store: Arc<dyn ObjectStore>,
    /// Its tables.
    pub catalog: Arc<dyn Catalog>,
    /// What runs queries that are too large here; none: they are refused.
    pub queries: Option<Arc<dyn Queries>>,
}

/// The function's state across invocations.
pub struct Api {
    contracts: Contracts,
    config: Config,
    ready: OnceCell<Ready>,
}

/// What is made on the first use.
struct Ready {
    tables: Tables,
    engine: Engine,
    search: search::Search,
}

impl Api {
    /// Clients are made on the first use.
    pub fn new(config: Config, contracts: Contracts) -> Self {
        Self {
            contracts,
            config,
            ready: OnceCell::new(),
        }
    }

    /// With ports of the caller's.
    pub fn with_ports(config: Config, contracts: Contracts, ports: Ports) -> Result<Self, PortError> {
        let ready = Ready::new(&config, &contracts, ports)?;
        Ok(Self {
            ready: OnceCell::from(ready),
            ..Self::new(config, contracts)
        })
    }

    async fn ready(&self) -> Result<&Ready, PortError> {
        let make = || async {
            let aws = watershed_aws::sdk_config().await;
            let workgroup = self.config.athena_workgroup.as_deref();
            let ports = Ports {
                store: Arc::new(S3Store::new(&aws)),
                catalog: Arc::new(GlueCatalog::new(&aws)),
                queries: workgroup.map(|name| Arc::new(Athena::new(&aws, name)) as Arc<dyn Queries>),
            };
            Ready::new(&self.config, &self.contracts, ports)
        };
        self.ready.get_or_try_init(make).await
    }
}

impl Ready {
    fn new(config: &Config, contracts: &Contracts, ports: Ports) -> Result<Self, PortError> {
        Ok(Self {
            engine: Engine::new(Arc::clone(&ports.store), config.limits.clone())?,
            search: search::Search::new(contracts, config.index_bytes)?,
            tables: Tables::new(contracts.clone(), ports),
        })
    }
}

/// One request of the API. What cannot be done is an answer, too.
pub async fn handle(api: &Api, mut invocation: Invocation, event: Value) -> Response {
    let response = match serde_json::from_value::<Request>(event) {
        Ok(request) => {
            invocation.field("method", request.request_context.http.method.clone());
            invocation.field("path", request.path());
            route(api, &mut invocation, &request).await
        }
        Err(error) => Err(Problem::bad_request(format!(
            "the event is none of an HTTP API, payload format 2.0: {error}"
        ))),
    };
    let response = response.unwrap_or_else(|problem| {
        invocation.field("problem", problem.title);
        problem.response()
    });
    invocation.field("status", response.status_code);
    invocation.metric("Requests", Unit::Count, 1.0);
    let refused = (400..500).contains(&response.status_code);
    invocation.metric("Refused", Unit::Count, f64::from(u8::from(refused)));
    invocation.metric("Faults", Unit::Count, f64::from(u8::from(response.status_code >= 500)));
    invocation.finish("request");
    response
}

async fn route(api: &Api, invocation: &mut Invocation, request: &Request) -> Result<Response, Problem> {
    let path: Vec<&str> = request.path().split('/').skip(1).collect();
    // Those who come with a token have a route of their own.
    let path = path.strip_prefix(&["v1"]).unwrap_or(&path);
    let method = &*request.request_context.http.method;
    let access = Access::of(request, &api.config);
    match (method, path) {
        ("POST", ["query"]) => {
            let ready = api.ready().await.map_err(|error| failed(invocation, error))?;
            query::answer(ready, &api.config, invocation, request, access).await
        }
        ("GET", ["query", id]) => {
            let ready = api.ready().await.map_err(|error| failed(invocation, error))?;
            later::look((ready, &api.config), invocation, request, access, id).await
        }
        ("DELETE", ["query", id]) => {
            let ready = api.ready().await.map_err(|error| failed(invocation, error))?;
            later::cancel((ready, &api.config), invocation, request, id).await
        }
        ("GET", ["search"]) => {
            let ready = api.ready().await.map_err(|error| failed(invocation, error))?;
            search::answer(ready, &api.config, invocation, request, access).await
        }
        ("GET", ["datasets"]) => Ok(Response::json(&datasets::all(&api.contracts))),
        ("GET", ["datasets", name]) => {
            let ready = api.ready().await.map_err(|error| failed(invocation, error))?;
            let found = datasets::one(&ready.tables, name, access).await;
            let found = found.map_err(|error| failed(invocation, error))?;
            let found = found.ok_or_else(|| ready.tables.unknown(name))?;
            Ok(Response::json(&found))
        }
        ("GET", ["openapi.json"]) => Ok(Response::text(200, "application/json", OPENAPI.into())),
        (_, ["query"]) => Err(Problem::not_allowed("POST")),
        (_, ["query", _]) => Err(Problem::not_allowed("GET, DELETE")),
        (_, ["datasets" | "openapi.json" | "search"] | ["datasets", _]) => Err(Problem::not_allowed("GET")),
        _ => Err(Problem::not_found(format!(
            "{}: there are POST /query, GET and DELETE /query/{{id}}, GET /search, GET /datasets, GET /datasets/{{name}}, and GET /openapi.json which tells of them",
            request.path()
        ))),
    }
}

/// What is not the caller's to mend stands in the log, whole.
pub(crate) fn failed(invocation: &mut Invocation, error: PortError) -> Problem {
    let fields = json!({"error": error.message, "kind": format!("{:?}", error.kind)});
    invocation.log(Level::Error, "failed", fields);
    error.into()
}
