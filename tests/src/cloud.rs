//! A local cloud for tests, with contracts of its own beside the real ones.

use crate::{home, python};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::RwLock,
    time::{Duration, Instant},
};
use watershed_local::{
    Emulator, Home, Stack, Ui, aws,
    emulator::Lifetime,
    lake::{Current, Format, Reader, Watcher},
    stack::QUEUES,
    venv::{Python, Venv},
};

/// Longest until what was sent stands in its table.
const ARRIVAL_TIMEOUT: Duration = Duration::from_mins(2);
/// Between two looks at a table.
const POLL: Duration = Duration::from_millis(100);

/// A running local cloud with the template deployed. Ends with the process, however that ends.
#[derive(Debug)]
pub struct Cloud {
    /// Its emulator.
    pub emulator: Emulator,
    /// The deployed template.
    pub stack: Stack,
    /// With pyiceberg.
    pub python: Python,
    /// pyiceberg and DuckDB.
    pub reader: Reader,
    /// Held for writing by a test that stops deliveries.
    pub deliveries: RwLock<()>,
    home: Home,
}

impl Cloud {
    /// Starts one whose state lies in `dir`, which is emptied first. `tables`: for each, a contract is made of
    /// `tests/contracts/TEMPLATE.odcs.yaml`, where `TABLE` stands for the table's name.
    ///
    /// # Panics
    /// Where anything of it fails.
    pub fn start(dir: &Path, tables: &[(&str, &str)]) -> Self {
        Self::start_with(dir, tables, &[])
    }

    /// The same, with these values for parameters of the template.
    ///
    /// # Panics
    /// Where anything of it fails.
    pub fn start_with(dir: &Path, tables: &[(&str, &str)], parameters: &[(&str, &str)]) -> Self {
        let _ = fs::remove_dir_all(dir);
        let contracts = dir.join("contracts");
        fs::create_dir_all(&contracts).expect("the folder can be made");
        copy_contracts(&home().contracts(), &contracts);
        for (table, template) in tables {
            let path = home().root().join(format!("tests/contracts/{template}.odcs.yaml"));
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let path = contracts.join(format!("{table}.odcs.yaml"));
            fs::write(path, text.replace("TABLE", table)).expect("the contract can be written");
        }
        let home = home().with_state(&dir.join("cloud")).with_contracts(&contracts);
        let python = python(Venv::Lake);
        let emulator = Emulator::start(&home, &python, None, Lifetime::Test, Ui::Silent);
        let emulator = emulator.unwrap_or_else(|error| panic!("{error}"));
        let stack = wait(Stack::deploy_with(&home, &emulator, parameters, Ui::Silent));
        let stack = stack.unwrap_or_else(|error| panic!("{error}"));
        let reader = Reader::new(&python, &emulator);
        Self {
            emulator,
            stack,
            python,
            reader,
            deliveries: RwLock::new(()),
            home,
        }
    }

    /// The folder, the template and so on.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// An output of the template.
    pub fn output(&self, name: &str) -> &str {
        self.stack.output(name).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Puts an object in the raw bucket; gives its version id and entity tag.
    ///
    /// # Panics
    /// Where S3 refuses.
    pub fn put(&self, key: &str, body: impl Into<Vec<u8>>) -> (Option<String>, String) {
        let s3 = aws::s3(&self.emulator.endpoint());
        let body = aws_sdk_s3::primitives::ByteStream::from(body.into());
        let put = wait(
            s3.put_object()
                .bucket(self.output("RawBucket"))
                .key(key)
                .body(body)
                .send(),
        );
        let put = put.unwrap_or_else(|error| panic!("{key}: {error:?}"));
        (
            put.version_id,
            put.e_tag.unwrap_or_default().trim_matches('"').to_string(),
        )
    }

    /// Keys of the lake that begin so, at most a page of them.
    ///
    /// # Panics
    /// Where S3 refuses.
    pub fn lake_keys(&self, prefix: &str) -> Vec<String> {
        let s3 = aws::s3(&self.emulator.endpoint());
        let list = s3.list_objects_v2().bucket(self.output("LakeBucket")).prefix(prefix);
        let page = wait(list.send()).unwrap_or_else(|error| panic!("{prefix}: {error:?}"));
        let objects = page.contents.unwrap_or_default();
        objects.into_iter().filter_map(|object| object.key).collect()
    }

    /// Sends a message to a queue of the template.
    ///
    /// # Panics
    /// Where SQS refuses.
    pub fn send(&self, queue: &str, body: &str) {
        let sqs = aws_sdk_sqs::Client::new(&aws::config(&self.emulator.endpoint()));
        let send = sqs
            .send_message()
            .queue_url(self.output(queue))
            .message_body(body)
            .send();
        wait(send).unwrap_or_else(|error| panic!("{queue}: {error:?}"));
    }

    /// Takes every message out of a queue of the template.
    ///
    /// # Panics
    /// Where SQS refuses.
    pub fn drain(&self, queue: &str) -> Vec<String> {
        let sqs = aws_sdk_sqs::Client::new(&aws::config(&self.emulator.endpoint()));
        let mut bodies = Vec::new();
        loop {
            let receive = sqs
                .receive_message()
                .queue_url(self.output(queue))
                .max_number_of_messages(10)
                .send();
            let messages = wait(receive)
                .unwrap_or_else(|error| panic!("{queue}: {error:?}"))
                .messages
                .unwrap_or_default();
            if messages.is_empty() {
                return bodies;
            }
            for message in messages {
                let handle = message.receipt_handle.unwrap_or_default();
                let delete = sqs
                    .delete_message()
                    .queue_url(self.output(queue))
                    .receipt_handle(handle)
                    .send();
                wait(delete).unwrap_or_else(|error| panic!("{queue}: {error:?}"));
                bodies.push(message.body.unwrap_or_default());
            }
        }
    }

    /// Messages of a queue that wait or are being worked on.
    ///
    /// # Panics
    /// Where SQS refuses.
    pub fn depth(&self, queue: &str) -> u64 {
        use aws_sdk_sqs::types::QueueAttributeName as Name;
        let sqs = aws_sdk_sqs::Client::new(&aws::config(&self.emulator.endpoint()));
        let get = sqs
            .get_queue_attributes()
            .queue_url(self.output(queue))
            .attribute_names(Name::All)
            .send();
        let attributes = wait(get)
            .unwrap_or_else(|error| panic!("{queue}: {error:?}"))
            .attributes
            .unwrap_or_default();
        [
            Name::ApproximateNumberOfMessages,
            Name::ApproximateNumberOfMessagesNotVisible,
        ]
        .iter()
        .filter_map(|name| attributes.get(name)?.parse::<u64>().ok())
        .sum()
    }

    /// The table's current snapshot.
    ///
    /// # Panics
    /// Where the catalog cannot be read.
    pub fn current(&self, database: &str, table: &str) -> Option<Current> {
        let watcher = Watcher::new(&self.emulator);
        wait(watcher.current(database, table)).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Waits until `arrived`, and shows the functions' logs where it never is.
    ///
    /// # Panics
    /// After [`ARRIVAL_TIMEOUT`].
    pub fn until(&self, what: &str, mut arrived: impl FnMut(&Self) -> bool) {
        let begun = Instant::now();
        while !arrived(self) {
            if begun.elapsed() > ARRIVAL_TIMEOUT {
                let seconds = ARRIVAL_TIMEOUT.as_secs();
                let _ = watershed_local::logs::print(&self.python, &self.emulator, None, seconds, false);
                panic!("not after {seconds} s: {what}");
            }
            std::thread::sleep(POLL);
        }
    }

    /// Waits until no queue that leads to a table has a message.
    pub fn settle(&self) {
        self.until("queues are empty", |cloud| {
            QUEUES.into_iter().all(|queue| cloud.depth(queue) == 0)
        });
    }

    /// Waits until the table has that many rows.
    pub fn until_rows(&self, database: &str, table: &str, rows: u64) {
        self.until(&format!("{database}.{table} has {rows} rows"), |cloud| {
            cloud.current(database, table).map_or(0, |current| current.rows) == rows
        });
    }

    /// Asks pyiceberg and DuckDB; gives an array of objects.
    ///
    /// # Panics
    /// Where they refuse.
    pub fn ask(&self, query: &str) -> Value {
        let answer = self
            .reader
            .sql(query, Format::Json)
            .unwrap_or_else(|error| panic!("{query}: {error}"));
        serde_json::from_str(&answer).expect("the reader prints JSON")
    }

    /// The one value of a query.
    pub fn value(&self, query: &str) -> Value {
        let rows = self.ask(query);
        rows[0]
            .as_object()
            .and_then(|row| row.values().next().cloned())
            .unwrap_or_default()
    }
}

/// Runs one asynchronous call. Clients are made anew for each: a connection belongs to its runtime.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be made").block_on(future)
}

fn copy_contracts(from: &Path, to: &Path) {
    let entries = fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    for path in entries
        .map(|entry| entry.expect("the folder can be read").path())
        .collect::<Vec<PathBuf>>()
    {
        if let Some(name) = path.file_name().filter(|_| path.is_file()) {
            fs::copy(&path, to.join(name)).expect("the contract can be copied");
        }
    }
}
