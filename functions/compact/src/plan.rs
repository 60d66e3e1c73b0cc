//! Which small files are packed together. Pure.
//!
//! A group is files of one source and one partition that become one file. Of the small ones, smallest first, a file joins the group if it is no
//! more than [`MAX_GROWTH`] times as large as all before it together, or tiny. So once the file that a row is in is tiny no more, packing makes it
//! half as large again at least, and no row is written again more often than that can be until the file has the target size. What is left of a
//! partition is a few files of very different sizes, which a second look leaves alone, and such as are large enough for a group to hold few of them.

use std::collections::BTreeMap;
use watershed_sink::TARGET_FILE_BYTES;

/// Files of at least this size are never packed again.
pub const SMALL_FILE_BYTES: u64 = TARGET_FILE_BYTES / 2;
/// Files of at most this size are packed whatever the sizes of the others: what they cost readers is the request, not the bytes.
pub const TINY_FILE_BYTES: u64 = 1 << 20;
/// How much larger a file may be than all smaller ones of its group together.
pub const MAX_GROWTH: u64 = 2;
/// Fewest files of a group that it is worth to write anew, when there is time: by the schedule, or by hand.
pub const MIN_FILES: usize = 4;
/// The same when a table has just changed: a stream's table changes every few seconds.
pub const MANY_FILES: usize = 32;
/// Most files of a group: one invocation reads them all, and one message names them.
pub const MAX_GROUP_FILES: usize = 500;
/// Most bytes of the files of a group: what it becomes has about the target size, and one invocation writes it.
pub const MAX_GROUP_BYTES: u64 = TARGET_FILE_BYTES;
/// Most groups of a table that one look asks for. The next one goes on.
pub const MAX_GROUPS: usize = 1_000;

/// A file that lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Digest of its source.
    pub source: String,
    /// What tells its partition from others.
    pub partition: String,
    /// Its path below the source's prefix.
    pub path: String,
    /// Its size.
    pub bytes: u64,
}

/// Files of one source and one partition that are to become one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// Digest of the source.
    pub source: String,
    /// Paths below the source's prefix, ascending.
    pub paths: Vec<String>,
}

/// The groups of at least so many files, at most [`MAX_GROUPS`]. The same of the same files, in whatever order they stand.
pub fn groups(files: &[Candidate], at_least: usize) -> Vec<Group> {
    let mut together: BTreeMap<(&str, &str), Vec<(u64, &str)>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.bytes < SMALL_FILE_BYTES) {
        let key = (file.source.as_str(), file.partition.as_str());
        together.entry(key).or_default().push((file.bytes, &file.path));
    }
    let all = together.into_iter().flat_map(|((source, _), mut files)| {
        files.sort_unstable();
        of_one_partition(&files, at_least).into_iter().map(|mut paths| {
            paths.sort_unstable();
            Group {
                source: source.into(),
                paths,
            }
        })
    });
    all.take(MAX_GROUPS).collect()
}

/// Of files by size.
fn of_one_partition(files: &[(u64, &str)], at_least: usize) -> Vec<Vec<String>> {
    let (mut groups, mut group, mut sum) = (Vec::new(), Vec::new(), 0);
    for &(bytes, path) in files {
        let joins = bytes <= TINY_FILE_BYTES.max(MAX_GROWTH * sum) && sum + bytes <= MAX_GROUP_BYTES;
        if !joins || group.len() == MAX_GROUP_FILES {
            groups.push(std::mem::take(&mut group));
            sum = 0;
        }
        group.push(path.to_string());
        sum += bytes;
    }
    groups.push(group);
    groups.retain(|group| group.len() >= at_least.max(2));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIB: u64 = 1 << 20;

    fn file(source: &str, partition: &str, path: &str, bytes: u64) -> Candidate {
        Candidate {
            source: source.into(),
            partition: partition.into(),
            path: path.into(),
            bytes,
        }
    }

    fn of_sizes(sizes: &[u64]) -> Vec<Candidate> {
        let files = sizes.iter().enumerate();
        files
            .map(|(number, bytes)| file("s", "p", &format!("{number:05}"), *bytes))
            .collect()
    }

    /// Sizes of the groups.
    fn counts(sizes: &[u64], at_least: usize) -> Vec<usize> {
        groups(&of_sizes(sizes), at_least)
            .iter()
            .map(|group| group.paths.len())
            .collect()
    }

    #[test]
    fn files_of_other_sources_and_partitions_are_packed_apart() {
        let mut files = Vec::new();
        for (source, partition) in [("a", "1"), ("a", "2"), ("b", "1")] {
            for number in 0..4 {
                files.push(file(source, partition, &format!("{partition}/{number}"), 10));
            }
        }
        files.push(file("c", "1", "x", 10));
        let found = groups(&files, MIN_FILES);
        let sources: Vec<&str> = found.iter().map(|group| group.source.as_str()).collect();
        assert_eq!(sources, ["a", "a", "b"]);
        assert_eq!(found[1].paths, ["2/0", "2/1", "2/2", "2/3"]);
        files.reverse();
        assert_eq!(groups(&files, MIN_FILES), found);
    }

    #[test]
    fn what_is_too_few_or_too_large_or_of_another_size_is_left_alone() {
        assert_eq!(counts(&[1, 1, 1], MIN_FILES), [0_usize; 0]);
        assert_eq!(counts(&[1; 31], MANY_FILES), [0_usize; 0]);
        assert_eq!(counts(&[1; 32], MANY_FILES), [32]);
        assert_eq!(counts(&[SMALL_FILE_BYTES; 9], MIN_FILES), [0_usize; 0]);
        assert_eq!(counts(&[1, 1, 1, 1, 50 * MIB], MIN_FILES), [4]);
        assert_eq!(counts(&[MIB, MIB, 2 * MIB, 4 * MIB, 8 * MIB, 40 * MIB], MIN_FILES), [5]);
        assert_eq!(counts(&[10, 11, 12, 13, 14].map(|size| size * MIB), MIN_FILES), [5]);
        assert_eq!(counts(&[SMALL_FILE_BYTES - 1; 5], 2), [2, 2]);
        assert_eq!(counts(&[1; 1_003], MIN_FILES), [500, 500]);
    }

    proptest! {
        /// Packed again and again, with or without new files, it comes to an end, and rows are written few times, and few small files are left.
        #[test]
        fn it_comes_to_an_end(sizes in prop::collection::vec(1_u64..SMALL_FILE_BYTES, 0..200), more in 0_u64..64) {
            let mut sizes = sizes;
            sizes.extend((0..more).map(|n| n * 1_000 + 1));
            let total: u64 = sizes.iter().sum();
            let (mut looks, mut written) = (0, 0);
            loop {
                let files = of_sizes(&sizes);
                let found = groups(&files, MIN_FILES);
                if found.is_empty() {
                    break;
                }
                looks += 1;
                for group in found {
                    prop_assert!(group.paths.len() >= MIN_FILES && group.paths.len() <= MAX_GROUP_FILES);
                    prop_assert!(group.paths.is_sorted());
                    let mut sum = 0;
                    for path in &group.paths {
                        let number: usize = path.parse().unwrap();
                        sum += std::mem::take(&mut sizes[number]);
                    }
                    prop_assert!(sum <= MAX_GROUP_BYTES);
                    written += sum;
                    sizes.push(sum);
                }
                sizes.retain(|size| *size > 0);
            }
            prop_assert!(looks <= 8, "{looks} looks");
            prop_assert!(written <= total * 8, "{written} bytes written for {total}");
            let few = MAX_GROUP_BYTES / MIN_FILES as u64;
            let left = sizes.iter().filter(|size| **size < few).count();
            prop_assert!(left <= 4 * (MIN_FILES - 1), "{left} small files are left");
        }
    }
}
