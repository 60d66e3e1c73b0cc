//! The house rules, as far as a machine can read them.

use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use watershed_local::command;
use watershed_tests::home;

/// Lines of a source file.
const MAX_FILE_LINES: usize = 400;
/// Lines of a function, its signature and last brace among them.
const MAX_FUNCTION_LINES: usize = 70;
/// Folders that hold no sources of ours.
const SKIPPED: [&str; 6] = ["target", ".git", ".local", ".bench", ".aws-sam", "__pycache__"];
/// Files that are read.
const KINDS: [&str; 7] = ["rs", "py", "toml", "yaml", "yml", "md", "json"];

fn sources() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    walk(home().root(), &mut files);
    assert!(files.len() > 50, "the repository holds more than {} files", files.len());
    files
}

fn walk(dir: &Path, files: &mut Vec<(PathBuf, String)>) {
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    for path in entries.map(|entry| entry.expect("the folder can be read").path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !SKIPPED.contains(&name.as_str()) {
            walk(&path, files);
        } else if path
            .extension()
            .is_some_and(|kind| KINDS.iter().any(|known| kind == *known))
        {
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            files.push((
                path.strip_prefix(home().root()).expect("below the root").to_path_buf(),
                text,
            ));
        }
    }
}

fn none(found: &[String]) {
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn files_and_functions_are_short() {
    let mut found = Vec::new();
    for (path, text) in sources()
        .iter()
        .filter(|(path, _)| path.extension().is_some_and(|kind| kind == "rs"))
    {
        let lines = text.lines().count();
        if lines >= MAX_FILE_LINES {
            found.push(format!(
                "{}: {lines} lines: split it, a file has under {MAX_FILE_LINES}",
                path.display()
            ));
        }
        // A test holds its cases in its function.
        let tests = path.components().any(|part| part.as_os_str() == "tests");
        for (line, name, length) in functions(text) {
            if !tests && length >= MAX_FUNCTION_LINES {
                found.push(format!(
                    "{}:{line}: {name} has {length} lines: under {MAX_FUNCTION_LINES}",
                    path.display()
                ));
            }
        }
    }
    none(&found);
}

/// First line, name and length of every function: from its `fn` to the brace that stands below it. As rustfmt writes them.
fn functions(text: &str) -> Vec<(usize, String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some(nth) = words.iter().take(5).position(|word| *word == "fn") else {
            continue;
        };
        if words[..nth]
            .iter()
            .any(|word| word.starts_with("//") || word.contains('"'))
        {
            continue;
        }
        let close = format!("{}}}", " ".repeat(indent));
        let end = lines[at..].iter().position(|line| *line == close);
        let one_line = line.trim_end().ends_with(['}', ';']);
        if let Some(length) = end.filter(|_| !one_line) {
            found.push((at + 1, words.get(nth + 1).unwrap_or(&"").to_string(), length + 1));
        }
    }
    found
}

#[test]
fn nothing_is_left_undone_and_no_machine_is_named() {
    // Spelt in two halves, so that this file does not find itself.
    let forbidden: BTreeMap<String, &str> = [
        (["TO", "DO"].concat(), "do it, or open an issue"),
        (["FIX", "ME"].concat(), "mend it"),
        (["todo", "!("].concat(), "write it"),
        (["unimplemented", "!("].concat(), "write it"),
        (["dbg", "!("].concat(), "take it out"),
        (["/ho", "me/"].concat(), "no path of one machine"),
        (["/Us", "ers/"].concat(), "no path of one machine"),
        (["/ro", "ot/"].concat(), "no path of one machine"),
        (["/wo", "rk/"].concat(), "no path of one machine"),
    ]
    .into();
    let mut found = Vec::new();
    for (path, text) in sources() {
        for (number, line) in (1..).zip(text.lines()) {
            for (word, help) in &forbidden {
                if line.contains(word.as_str()) {
                    found.push(format!("{}:{number}: {word}: {help}", path.display()));
                }
            }
        }
    }
    none(&found);
}

/// Where a crate stands: arrows go from a higher rank to a lower one, or stay among the pure.
fn rank(manifest: &str) -> u8 {
    match manifest {
        path if path.starts_with("functions/") => 2,
        // Of those with a runtime of their own, `ops` has Lambda's and `sql` the threads that queries run on.
        path if ["shared/aws", "shared/ops", "shared/sql"]
            .iter()
            .any(|begin| path.starts_with(begin)) =>
        {
            1
        }
        path if path.starts_with("shared/") => 0,
        _ => 3,
    }
}

#[test]
fn dependencies_run_from_functions_to_adapters_to_the_pure() {
    let packages = metadata();
    let ranks: BTreeMap<&str, u8> = packages
        .iter()
        .map(|(name, (path, _))| (name.as_str(), rank(path)))
        .collect();
    let mut found = Vec::new();
    for (name, (path, dependencies)) in &packages {
        for dependency in dependencies {
            let (from, to) = (ranks[name.as_str()], ranks.get(dependency.as_str()));
            if to.is_some_and(|to| *to > from || (from == 2 && *to == 2)) {
                found.push(format!("{path}: {name} must not depend on {dependency}"));
            }
            let sdk = dependency.starts_with("aws-") || dependency == "tokio" || dependency.starts_with("lambda_");
            if from == 0 && sdk {
                found.push(format!("{path}: {name} is pure and must not depend on {dependency}"));
            }
        }
    }
    none(&found);
}

/// Path and dependencies (those of tests aside) of our own packages, by name.
fn metadata() -> BTreeMap<String, (String, Vec<String>)> {
    let mut cargo = std::process::Command::new(env!("CARGO"));
    cargo
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(home().root());
    let text = command::output(&mut cargo).unwrap_or_else(|error| panic!("{error}"));
    let metadata: Value = serde_json::from_str(&text).expect("cargo prints JSON");
    let packages = metadata["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .map(|package| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
            let path = text(&package["manifest_path"]);
            let path = path
                .strip_prefix(&format!("{}/", home().root().display()))
                .unwrap_or(&path)
                .to_string();
            let all = package["dependencies"].as_array().cloned().unwrap_or_default();
            let normal = all.iter().filter(|dependency| dependency["kind"].is_null());
            (
                text(&package["name"]),
                (path, normal.map(|dependency| text(&dependency["name"])).collect()),
            )
        });
    packages.collect()
}
