//! `cargo local infer`: a draft contract from local files, by the code that `ingest` runs on objects that no contract matches.

use crate::{Error, Result, table::aligned};
use std::{
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
};
use watershed_infer::{Column, Distinct, Draft, Refusal, Sample, Sure, is_parquet};

/// Widest cell of the table that is printed, in characters.
const MAX_CELL_CHARS: usize = 40;

/// What to do.
pub struct Inference {
    /// The files, of one shape.
    pub inputs: Vec<PathBuf>,
    /// Where the contract goes; none: to standard output.
    pub out: Option<PathBuf>,
    /// The report as JSON instead of text.
    pub json: bool,
}

impl Inference {
    /// Looks at the files, prints what they seem to be.
    pub fn run(&self) -> Result<()> {
        let samples = self
            .inputs
            .iter()
            .map(|input| sample(input))
            .collect::<Result<Vec<_>>>()?;
        let draft = Draft::of(&samples, &key(&self.inputs[0])).map_err(refused)?;
        let contract = draft.yaml();
        if let Some(out) = &self.out {
            if let Some(folder) = out.parent() {
                fs::create_dir_all(folder).map_err(Error::doing(folder.display()))?;
            }
            fs::write(out, &contract).map_err(Error::doing(out.display()))?;
        }
        match (self.json, &self.out) {
            (true, _) => println!("{:#}", draft.report()),
            (false, Some(out)) => {
                print!("{}", described(&draft));
                println!(
                    "written to {}; `cargo local try --contract {0} INPUT` runs it",
                    out.display()
                );
            }
            (false, None) => {
                // The contract alone goes to standard output, so that it can be sent to a file.
                eprint!("{}", described(&draft));
                print!("{contract}");
            }
        }
        Ok(())
    }
}

fn refused(refusal: Refusal) -> Error {
    Error::new(refusal.message).help(refusal.help)
}

/// A file name stands for the object's key: its folder is called after it.
fn key(input: &Path) -> String {
    let name = input.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stem = name.split('.').next().unwrap_or_default();
    let words: Vec<&str> = stem
        .split(['_', '-', ' '])
        .filter(|word| word.bytes().any(|b| !b.is_ascii_digit()))
        .collect();
    if words.is_empty() {
        name
    } else {
        format!("{}/{name}", words.join("_").to_lowercase())
    }
}

fn sample(input: &Path) -> Result<Sample> {
    let name = input.display().to_string();
    let meta = fs::metadata(input).map_err(Error::doing(&name))?;
    if meta.is_dir() {
        return Err(Error::new(format!("{name} is a folder")).help("name the files in it"));
    }
    let open = || File::open(input).map_err(Error::doing(&name));
    let mut magic = Vec::new();
    open()?.take(4).read_to_end(&mut magic).map_err(Error::doing(&name))?;
    let sample = if is_parquet(&magic) {
        Sample::parquet(open()?, &name)
    } else {
        Sample::read(open()?, &name)
    };
    sample.map_err(|refusal| Error::new(format!("{name}: {}", refusal.message)).help(refusal.help))
}

/// What was found, for people.
fn described(draft: &Draft) -> String {
    let part = if draft.complete { "all" } else { "the first" };
    let mut out = format!(
        "{} ({}), {}; {part} {} rows were looked at\n\n",
        draft.layout.describe(),
        draft.layout_sure.word(),
        draft.encoding.name(),
        draft.rows,
    );
    out.push_str(&table(draft));
    out.push('\n');
    let name = |index: usize| draft.columns[index].name.as_str();
    if let Some(key) = &draft.key {
        let names: Vec<&str> = key.columns.iter().map(|index| name(*index)).collect();
        out.push_str(&format!("primary key  {} ({})\n", names.join(", "), key.sure.word()));
    }
    if let Some(partition) = draft.partition {
        let (column, sure) = (name(partition.column), partition.sure.word());
        out.push_str(&format!("partition    month of {column} ({sure})\n"));
    }
    if !draft.nulls.is_empty() {
        let nulls: Vec<String> = draft.nulls.iter().map(|null| format!("`{null}`")).collect();
        out.push_str(&format!("null         {}\n", nulls.join(", ")));
    }
    if draft.left_out > 0 {
        out.push_str(&format!("left out     {} records of another shape\n", draft.left_out));
    }
    for note in &draft.notes {
        out.push_str(&format!("note         {note}\n"));
    }
    out.push('\n');
    out
}

fn table(draft: &Draft) -> String {
    let heads = ["column", "type", "nulls", "distinct", "min … max", "example", "note"].map(String::from);
    let rows: Vec<[String; 7]> = std::iter::once(heads).chain(draft.columns.iter().map(row)).collect();
    aligned(&rows)
}

fn row(column: &Column) -> [String; 7] {
    let distinct = match column.distinct {
        Distinct::Exactly(count) => count.to_string(),
        Distinct::Many => "many".into(),
    };
    let range = column
        .ends
        .as_ref()
        .map_or_else(String::new, |ends| format!("{} … {}", ends.min, ends.max));
    let mut notes = Vec::new();
    if column.sure == Sure::Unsure {
        notes.push("unsure".to_string());
    }
    if let Some(why) = column.personal {
        notes.push(format!("personal: {why}"));
    }
    notes.extend(column.formats.iter().cloned());
    notes.extend(column.notes.iter().cloned());
    [
        cell(&column.name),
        column.kind.to_string(),
        column.nulls.to_string(),
        distinct,
        cell(&range),
        cell(column.examples.first().map_or("", String::as_str)),
        notes.join("; "),
    ]
}

/// On one line, and cut.
fn cell(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if plain.chars().count() <= MAX_CELL_CHARS {
        return plain;
    }
    plain.chars().take(MAX_CELL_CHARS - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, text).expect("a file");
        path
    }

    #[test]
    fn files_of_one_shape_make_one_contract() {
        let folder = tempfile::tempdir().expect("a folder");
        let inputs = vec![
            file(folder.path(), "orders_2024-01.csv", "id,mail\n1,a@example.org\n"),
            file(
                folder.path(),
                "orders_2024-02.csv",
                "mail,id\nb@example.org,70000000000\n",
            ),
        ];
        let out = folder.path().join("contracts").join("orders.odcs.yaml");
        let inference = Inference {
            inputs,
            out: Some(out.clone()),
            json: false,
        };
        inference.run().expect("a draft");
        let text = fs::read_to_string(&out).expect("written");
        let datasets = watershed_contract::parse("orders.odcs.yaml", &text).expect("valid");
        assert_eq!(datasets[0].table.name.to_string(), "lake.orders");
        assert_eq!(datasets[0].kind(0).to_string(), "long", "of both files");
        assert!(!text.contains("example.org"), "{text}");
    }

    #[test]
    fn files_of_two_shapes_are_told_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        let inputs = vec![
            file(folder.path(), "a.csv", "id,x\n1,2\n"),
            file(folder.path(), "b.csv", "id,y\n1,2\n"),
        ];
        let told = Inference {
            inputs,
            out: None,
            json: false,
        }
        .run()
        .expect_err("two shapes")
        .to_string();
        for part in ["a.csv", "b.csv", "of the first only: x", "of the second only: y"] {
            assert!(told.contains(part), "{told}");
        }
    }

    #[test]
    fn the_table_is_readable() {
        let sample = Sample::read(&b"Order No,paid\n1,yes\n2,no\n3,NA\n"[..], "x.csv").expect("a sample");
        let draft = Draft::of(&[sample], "x/x.csv").expect("a draft");
        let text = described(&draft);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "CSV, delimiter `,`, quote `\"`, with header (likely), utf-8; all 3 rows were looked at"
        );
        assert_eq!(lines[3], "order_no  int      0      3         1 … 3      1");
        assert_eq!(lines[4], "paid      boolean  1      2         no … yes   yes");
        assert!(text.contains("primary key  order_no (unsure)\n"), "{text}");
        assert!(text.contains("null         `NA`\n"), "{text}");
    }
}
