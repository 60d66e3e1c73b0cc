//! What is looked for by words.

use clap::Args;
use watershed_local::{Result, api::Api, search::Search};

/// What is looked for.
#[derive(Debug, Args)]
pub struct Sought {
    /// All must be there; "in quotes" behind each other, -WORD must not be, WORD* is a beginning
    #[arg(required = true, allow_hyphen_values = true)]
    words: Vec<String>,
    /// Most tables, and most rows
    #[arg(long)]
    limit: Option<usize>,
    /// Only of this dataset, or of that of this table
    #[arg(long)]
    dataset: Option<String>,
    /// The API's own answer
    #[arg(long)]
    json: bool,
}

impl Sought {
    /// Asks the API, and prints what it finds.
    pub fn run(self, api: &Api) -> Result<()> {
        let search = Search {
            words: self.words.join(" "),
            limit: self.limit,
            dataset: self.dataset,
        };
        if self.json {
            println!("{}", String::from_utf8_lossy(&search.body(api)?));
        } else {
            print!("{}", search.ask(api)?.shown());
        }
        Ok(())
    }
}
