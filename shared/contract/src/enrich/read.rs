//! `enrich`: steps as they are written. What they name is looked up once all contracts are read.

use super::Direction;
use crate::{
    duration,
    reader::{At, Map},
    spot::{Spot, Word},
};

/// Keys of the watershed property of a schema object that are about it.
pub(crate) const KEYS: [&str; 1] = ["enrich"];
/// Steps of an enrichment.
pub const MAX_STEPS: usize = 32;
/// Columns that an enrichment adds.
pub const MAX_ENRICHED_COLUMNS: usize = 200;
/// Columns that a join compares.
const MAX_PAIRS: usize = 8;
/// Labels of a column, or conditions of a score.
pub const MAX_CONDITIONS: usize = 64;
/// Farthest that points are looked for, in metres: half way round the earth.
pub const MAX_WITHIN_M: f64 = 20_015_115.0;
/// Keys by which the kinds of steps are told apart, and the others that each has.
const KINDS: [(&str, &[&str]); 8] = [
    ("lookup", &["on", "add"]),
    ("asOf", &["on", "time", "direction", "tolerance", "add"]),
    ("nearest", &["latitude", "longitude", "within", "distance", "add"]),
    ("around", &["latitude", "longitude", "within", "aggregates"]),
    ("region", &["latitude", "longitude", "shape", "add"]),
    ("derive", &[]),
    ("labels", &["where"]),
    ("score", &["of"]),
];
const ADD_HELP: &str = "write add: {new_column: column of the reference}";

/// Steps as they are written.
pub(crate) struct Declared {
    pub(crate) spot: Spot,
    pub(crate) steps: Vec<DeclaredStep>,
}

pub(crate) struct DeclaredStep {
    pub(crate) spot: Spot,
    pub(crate) work: DeclaredWork,
}

pub(crate) enum DeclaredWork {
    Join(Box<DeclaredJoin>),
    Derive(Vec<DeclaredColumn>),
    Labels { name: Word, rules: Vec<(Word, Word)> },
    Score { name: Word, conditions: Vec<Word> },
}

impl DeclaredWork {
    /// The columns that it adds.
    pub(crate) fn names(&self) -> Vec<&str> {
        match self {
            Self::Derive(columns) => columns.iter().map(|it| &*it.name.text).collect(),
            Self::Labels { name, .. } | Self::Score { name, .. } => vec![&name.text],
            Self::Join(join) => {
                let mut names: Vec<&str> = join.add.iter().map(|(name, _)| &*name.text).collect();
                match &join.matching {
                    DeclaredMatch::Nearest { distance, .. } => names.extend(distance.iter().map(|word| &*word.text)),
                    DeclaredMatch::Around { aggregates, .. } => {
                        names.extend(aggregates.iter().map(|it| &*it.name.text));
                    }
                    _ => {}
                }
                names
            }
        }
    }
}

/// A column of an expression.
pub(crate) struct DeclaredColumn {
    pub(crate) name: Word,
    pub(crate) expression: Word,
    pub(crate) doc: Option<String>,
}

pub(crate) struct DeclaredJoin {
    /// The word that names the kind.
    pub(crate) kind: &'static str,
    pub(crate) reference: Word,
    pub(crate) matching: DeclaredMatch,
    /// New name, name in the reference.
    pub(crate) add: Vec<(Word, Word)>,
}

/// Pairs: ours, theirs.
pub(crate) enum DeclaredMatch {
    Lookup {
        on: Vec<(Word, Word)>,
    },
    AsOf(DeclaredAsOf),
    Nearest {
        point: [(Word, Word); 2],
        within_m: f64,
        distance: Option<Word>,
    },
    Around {
        point: [(Word, Word); 2],
        within_m: f64,
        aggregates: Vec<DeclaredAround>,
    },
    Region {
        point: [Word; 2],
        shape: Word,
    },
}

pub(crate) struct DeclaredAsOf {
    pub(crate) on: Vec<(Word, Word)>,
    pub(crate) time: (Word, Word),
    pub(crate) direction: Direction,
    pub(crate) tolerance_us: Option<i64>,
}

pub(crate) struct DeclaredAround {
    pub(crate) name: Word,
    pub(crate) function: AroundFunction,
    pub(crate) column: Option<Word>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum AroundFunction {
    Records,
    Sum,
    Min,
    Max,
}

/// The steps of the watershed property. Where something of one was reported, it is left out.
pub(crate) fn read(custom: Option<&Map<'_>>) -> Option<Declared> {
    let at = custom?.get("enrich")?;
    let items = at.list();
    if items.is_empty() || items.len() > MAX_STEPS {
        at.error(format!("{} steps", items.len()), format!("write 1 to {MAX_STEPS}"));
    }
    let steps = items.iter().take(MAX_STEPS).filter_map(|item| {
        let map = item.map()?;
        Some(DeclaredStep {
            spot: map.spot(),
            work: work(&map)?,
        })
    });
    Some(Declared {
        spot: at.spot(),
        steps: steps.collect(),
    })
}

fn work(map: &Map<'_>) -> Option<DeclaredWork> {
    let present: Vec<_> = KINDS.iter().filter(|(kind, _)| map.get(kind).is_some()).collect();
    let [(kind, others)] = present[..] else {
        let kinds: Vec<&str> = KINDS.iter().map(|(kind, _)| *kind).collect();
        let help = format!("write just one of {}", kinds.join(", "));
        map.error(format!("a step of {} kinds", present.len()), help);
        return None;
    };
    map.only(&[&[*kind], *others].concat());
    let what = map.get(kind)?;
    match *kind {
        "derive" => Some(DeclaredWork::Derive(what.list().iter().filter_map(derived).collect())),
        "labels" => Some(DeclaredWork::Labels {
            name: what.spotted()?,
            rules: bounded(map, "where", "write where: {label: a condition}")?,
        }),
        "score" => Some(DeclaredWork::Score {
            name: what.spotted()?,
            conditions: conditions(map)?,
        }),
        _ => {
            let matching = matching(map, kind);
            let add = if *kind == "around" {
                Vec::new()
            } else {
                map.need("add", ADD_HELP)?.map()?.pairs()
            };
            Some(DeclaredWork::Join(Box::new(DeclaredJoin {
                kind,
                reference: what.spotted()?,
                matching: matching?,
                add,
            })))
        }
    }
}

fn matching(map: &Map<'_>, kind: &str) -> Option<DeclaredMatch> {
    match kind {
        "lookup" => Some(DeclaredMatch::Lookup { on: on(map, true)? }),
        "asOf" => as_of(map),
        "nearest" => {
            let (point, within_m) = (point(map), within(map));
            let distance = map.get("distance").map(|at| at.spotted());
            Some(DeclaredMatch::Nearest {
                point: point?,
                within_m: within_m?,
                distance: distance.flatten(),
            })
        }
        "around" => {
            let (point, within_m) = (point(map), within(map));
            let items = map.need(
                "aggregates",
                "write aggregates: [{name: new_column, function: sum, column: population}]",
            );
            let aggregates = items?.list().iter().filter_map(around).collect();
            Some(DeclaredMatch::Around {
                point: point?,
                within_m: within_m?,
                aggregates,
            })
        }
        _ => {
            let ours = |key: &str| map.need(key, &format!("write {key}: a column of degrees"))?.spotted();
            let point = [ours("latitude"), ours("longitude")];
            let shape = map.need(
                "shape",
                "write shape: the reference's column of polygons, as WKT or GeoJSON",
            );
            let [latitude, longitude] = point;
            Some(DeclaredMatch::Region {
                point: [latitude?, longitude?],
                shape: shape?.spotted()?,
            })
        }
    }
}

fn as_of(map: &Map<'_>) -> Option<DeclaredMatch> {
    let on = on(map, false);
    let time = pair(map, "time");
    let directions = [
        ("backward", Direction::Backward),
        ("forward", Direction::Forward),
        ("nearest", Direction::Nearest),
    ];
    let direction = map.get("direction").map(|at| at.word(&directions));
    let tolerance = map.get("tolerance").map(|at| duration::read(&at, 0));
    Some(DeclaredMatch::AsOf(DeclaredAsOf {
        on: on?,
        time: time?,
        direction: direction.unwrap_or(Some(Direction::Backward))?,
        tolerance_us: tolerance.map_or(Some(None), |ms| ms.map(|ms| Some(ms * 1_000)))?,
    }))
}

/// `on: {ours: theirs}`.
fn on(map: &Map<'_>, required: bool) -> Option<Vec<(Word, Word)>> {
    let at = if required {
        Some(map.need("on", "write on: {column: column of the reference}")?)
    } else {
        map.get("on")
    };
    let Some(at) = at else { return Some(Vec::new()) };
    let pairs = at.map()?.pairs();
    if (required && pairs.is_empty()) || pairs.len() > MAX_PAIRS {
        at.error(
            format!("on of {} columns", pairs.len()),
            format!("write 1 to {MAX_PAIRS}"),
        );
        return None;
    }
    Some(pairs)
}

/// `time: {ours: theirs}`.
fn pair(map: &Map<'_>, key: &str) -> Option<(Word, Word)> {
    let at = map.need(key, &format!("write {key}: {{column: column of the reference}}"))?;
    let found: Result<[_; 1], _> = at.map()?.pairs().try_into();
    if found.is_err() {
        at.wrong("one pair, {column: column of the reference}");
    }
    found.ok().map(|[pair]| pair)
}

fn point(map: &Map<'_>) -> Option<[(Word, Word); 2]> {
    let (latitude, longitude) = (pair(map, "latitude"), pair(map, "longitude"));
    Some([latitude?, longitude?])
}

/// A distance: `300m`, `50km`.
fn within(map: &Map<'_>) -> Option<f64> {
    let at = map.need("within", "write within: 50km")?;
    let text = at.spelling()?;
    let (number, metres) = match text.strip_suffix("km") {
        Some(number) => (number, 1_000.0),
        None => (text.strip_suffix('m').unwrap_or(""), 1.0),
    };
    let plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let found = number.parse::<f64>().ok().map(|number| number * metres);
    let found = found.filter(|m| plain && *m > 0.0 && *m <= MAX_WITHIN_M);
    if found.is_none() {
        at.wrong(&format!(
            "a number of m or km, up to {}km: 50km",
            MAX_WITHIN_M / 1_000.0
        ));
    }
    found
}

fn around(at: &At<'_>) -> Option<DeclaredAround> {
    let map = at.map()?;
    map.only(&["name", "function", "column"]);
    let functions = [
        ("records", AroundFunction::Records),
        ("sum", AroundFunction::Sum),
        ("min", AroundFunction::Min),
        ("max", AroundFunction::Max),
    ];
    let name = map
        .need("name", "write name: that of the new column")
        .and_then(|at| at.spotted());
    let function = map.need("function", "write function: records, sum, min or max");
    let function = function.and_then(|at| at.word(&functions))?;
    let column = if function == AroundFunction::Records {
        map.refuse(&["column"], "records counts rows: remove it");
        None
    } else {
        Some(
            map.need("column", "write column: a column of the reference")?
                .spotted()?,
        )
    };
    Some(DeclaredAround {
        name: name?,
        function,
        column,
    })
}

fn derived(at: &At<'_>) -> Option<DeclaredColumn> {
    let map = at.map()?;
    map.only(&["name", "expression", "description"]);
    let name = map
        .need("name", "write name: that of the new column")
        .and_then(|at| at.spotted());
    let expression = map.need("expression", "write expression: dep_delay > 15");
    Some(DeclaredColumn {
        name: name?,
        expression: expression?.spotted()?,
        doc: map.text("description").map(|text| text.trim().into()),
    })
}

fn bounded(map: &Map<'_>, key: &str, help: &str) -> Option<Vec<(Word, Word)>> {
    let at = map.need(key, help)?;
    let found = at.map()?.pairs();
    within_limit(&at, found.len()).then_some(found)
}

fn conditions(map: &Map<'_>) -> Option<Vec<Word>> {
    let at = map.need("of", "write of: a list of conditions")?;
    let found: Vec<Word> = at.list().iter().filter_map(At::spotted).collect();
    within_limit(&at, found.len()).then_some(found)
}

fn within_limit(at: &At<'_>, found: usize) -> bool {
    let fits = (1..=MAX_CONDITIONS).contains(&found);
    if !fits {
        at.error(format!("{found} conditions"), format!("write 1 to {MAX_CONDITIONS}"));
    }
    fits
}
