//! Joins: which reference, which columns are compared, what is taken.

use super::{
    Around, Join, Matching, Pair, Point, Work,
    made::personal_of,
    read::{AroundFunction, DeclaredAround, DeclaredAsOf, DeclaredJoin, DeclaredMatch},
    resolve::{New, Scope},
};
use crate::{dataset::Dataset, diagnostic::shown, spot::Word};
use watershed_lake::{Column, ColumnType, TableSpec, enriched::added};

/// Which rows of a reference, on which of our columns (for the label), and what they add.
type Matched = (Matching, String, New);

impl Scope<'_> {
    pub(super) fn join(&self, join: &DeclaredJoin) -> Option<(String, Work, New)> {
        let reference = self.reference(&join.reference)?;
        let theirs = &reference.table;
        let (matching, on, new) = match &join.matching {
            DeclaredMatch::Lookup { on } => self.lookup(join, on, reference)?,
            DeclaredMatch::AsOf(as_of) => self.as_of(join, as_of, reference)?,
            DeclaredMatch::Nearest {
                point,
                within_m,
                distance,
            } => self.nearest(join, point, (*within_m, distance.as_ref()), theirs)?,
            DeclaredMatch::Around {
                point,
                within_m,
                aggregates,
            } => {
                let (point, within_m) = (self.point(point, theirs)?, *within_m);
                let (aggregates, new) = self.around(aggregates, theirs, within_m);
                let matching = Matching::Around {
                    point,
                    within_m,
                    aggregates,
                };
                (matching, format!("at {}", self.columns[point.latitude.ours].name), new)
            }
            DeclaredMatch::Region { point, shape } => self.region(join, point, shape, theirs)?,
        };
        let label = format!("{} {} {on}", join.kind, theirs.name.table());
        let reference = theirs.name.clone();
        Some((label, Work::Join(Join { reference, matching }), new))
    }

    fn lookup(&self, join: &DeclaredJoin, on: &[(Word, Word)], reference: &Dataset) -> Option<Matched> {
        let theirs = &reference.table;
        let on = self.compared(on, theirs)?;
        self.covers_key(&join.reference, reference, &on, None);
        let (names, origin) = self.told(&on, theirs);
        let (columns, new) = self.taken(&join.add, theirs, &origin);
        Some((Matching::Lookup { on, columns }, format!("on {names}"), new))
    }

    fn as_of(&self, join: &DeclaredJoin, as_of: &DeclaredAsOf, reference: &Dataset) -> Option<Matched> {
        let theirs = &reference.table;
        let on = self.compared(&as_of.on, theirs)?;
        let time = self.time(&as_of.time, theirs)?;
        self.covers_key(&join.reference, reference, &on, Some(time));
        let (_, origin) = self.told(&[&on[..], &[time]].concat(), theirs);
        let (columns, new) = self.taken(&join.add, theirs, &origin);
        let matching = Matching::AsOf {
            on,
            time,
            direction: as_of.direction,
            tolerance_us: as_of.tolerance_us,
            columns,
        };
        Some((matching, format!("on {}", self.columns[time.ours].name), new))
    }

    fn nearest(
        &self,
        join: &DeclaredJoin,
        point: &[(Word, Word); 2],
        (within_m, distance): (f64, Option<&Word>),
        theirs: &TableSpec,
    ) -> Option<Matched> {
        let point = self.point(point, theirs)?;
        let origin = format!("nearest within {within_m} m");
        let (columns, mut new) = self.taken(&join.add, theirs, &origin);
        if let Some(word) = distance {
            let doc = format!("Metres to what {} says [{}, {origin}]", theirs.name, theirs.name);
            // How far somebody is from a known place says where they are.
            let column = Column {
                classification: self.personal_point(&point, theirs),
                ..added(&word.text, ColumnType::Double, &doc)
            };
            new.push((word.clone(), column));
        }
        let on = format!("on {}", self.columns[point.latitude.ours].name);
        let matching = Matching::Nearest {
            point,
            within_m,
            columns,
            distance: distance.is_some(),
        };
        Some((matching, on, new))
    }

    fn region(&self, join: &DeclaredJoin, point: &[Word; 2], shape: &Word, theirs: &TableSpec) -> Option<Matched> {
        let [latitude, longitude] = point.each_ref().map(|word| {
            let column = self.ours(word)?;
            self.is_number(word, &self.columns[column]).then_some(column)
        });
        let column = self.column(shape, &theirs.columns, &theirs.name)?;
        let kind = theirs.columns[column].kind;
        if kind != ColumnType::String {
            self.say(
                &shape.spot,
                format!("shapes in {}, which is of type {kind}", shown(&shape.text)),
                "write a column of texts: polygons as WKT or GeoJSON",
            );
        }
        let (latitude, longitude) = (latitude?, longitude?);
        let origin = format!("where the point lies in {}", shape.text);
        let (columns, new) = self.taken(&join.add, theirs, &origin);
        let matching = Matching::Region {
            latitude,
            longitude,
            shape: column,
            columns,
        };
        Some((matching, format!("on {}", self.columns[latitude].name), new))
    }

    /// Names of our columns, and which are compared with which, for messages and descriptions.
    fn told(&self, pairs: &[Pair], theirs: &TableSpec) -> (String, String) {
        let name = |pair: &Pair| self.columns[pair.ours].name.as_str();
        let names: Vec<&str> = pairs.iter().map(name).collect();
        let equal = pairs
            .iter()
            .map(|pair| format!("{} = {}", theirs.columns[pair.theirs].name, name(pair)));
        (names.join(", "), equal.collect::<Vec<_>>().join(", "))
    }

    fn compared(&self, pairs: &[(Word, Word)], theirs: &TableSpec) -> Option<Vec<Pair>> {
        let pair = |(ours, their): &(Word, Word)| {
            let pair = self.pair(ours, their, theirs)?;
            let kinds = (self.columns[pair.ours].kind, theirs.columns[pair.theirs].kind);
            if !comparable(kinds) {
                self.say(
                    &ours.spot,
                    format!("{} = {}: {} and {}", ours.text, their.text, kinds.0, kinds.1),
                    "write columns of one type; no float, double, struct or list",
                );
                return None;
            }
            Some(pair)
        };
        // All of them, so that all that is wrong is said.
        let found: Vec<Option<Pair>> = pairs.iter().map(pair).collect();
        found.into_iter().collect()
    }

    fn pair(&self, ours: &Word, their: &Word, theirs: &TableSpec) -> Option<Pair> {
        let (left, right) = (self.ours(ours), self.column(their, &theirs.columns, &theirs.name));
        Some(Pair {
            ours: left?,
            theirs: right?,
        })
    }

    fn time(&self, (ours, their): &(Word, Word), theirs: &TableSpec) -> Option<Pair> {
        let pair = self.pair(ours, their, theirs)?;
        let kinds = (self.columns[pair.ours].kind, theirs.columns[pair.theirs].kind);
        let is_time = matches!(
            kinds.0,
            ColumnType::Date | ColumnType::Timestamp | ColumnType::TimestampTz
        );
        if kinds.0 != kinds.1 || !is_time {
            self.say(
                &ours.spot,
                format!("time {} of {}, time {} of {}", ours.text, kinds.0, their.text, kinds.1),
                "write two dates, two timestamps, or two timestamps with a zone",
            );
            return None;
        }
        Some(pair)
    }

    fn point(&self, [latitude, longitude]: &[(Word, Word); 2], theirs: &TableSpec) -> Option<Point> {
        let degrees = |(ours, their): &(Word, Word)| {
            let pair = self.pair(ours, their, theirs)?;
            let numbers = [
                self.is_number(ours, &self.columns[pair.ours]),
                self.is_number(their, &theirs.columns[pair.theirs]),
            ];
            numbers.into_iter().all(|is| is).then_some(pair)
        };
        let (latitude, longitude) = (degrees(latitude), degrees(longitude));
        Some(Point {
            latitude: latitude?,
            longitude: longitude?,
        })
    }

    /// The classification of what a distance is worked out of, where some of it is personal.
    fn personal_point(&self, point: &Point, theirs: &TableSpec) -> Option<String> {
        let pairs = [point.latitude, point.longitude];
        personal_of(
            pairs
                .iter()
                .flat_map(|pair| [&self.columns[pair.ours], &theirs.columns[pair.theirs]]),
        )
    }

    fn is_number(&self, word: &Word, column: &Column) -> bool {
        let is = column.kind.is_number();
        if !is {
            self.say(
                &word.spot,
                format!("{}, which is of type {}", column.name, column.kind),
                "write a column of numbers: degrees",
            );
        }
        is
    }

    /// A join never makes two rows of one: what is compared must say which row of the reference is meant.
    fn covers_key(&self, word: &Word, reference: &Dataset, on: &[Pair], time: Option<Pair>) {
        let is_compared = |column: &usize| on.iter().chain(&time).any(|pair| pair.theirs == *column);
        let missing: Vec<&str> = reference
            .primary_key
            .iter()
            .filter(|column| !is_compared(column))
            .map(|column| reference.table.columns[*column].name.as_str())
            .collect();
        if !missing.is_empty() {
            self.say(
                &word.spot,
                format!(
                    "rows of {} are told apart by {} too",
                    reference.table.name,
                    missing.join(", ")
                ),
                "compare every column of its primary key",
            );
        }
    }

    /// Columns of the reference, and what they become.
    fn taken(&self, add: &[(Word, Word)], theirs: &TableSpec, origin: &str) -> (Vec<usize>, New) {
        let taken = add.iter().filter_map(|(name, their)| {
            let index = self.column(their, &theirs.columns, &theirs.name)?;
            let column = &theirs.columns[index];
            if column.kind.is_nested() {
                self.say(
                    &their.spot,
                    format!("{}, which is a {}", column.name, column.kind),
                    "write a column that is no struct or list",
                );
                return None;
            }
            let said = column.doc.as_deref().unwrap_or(&column.name);
            let doc = format!("{said} [{}.{}, {origin}]", theirs.name, column.name);
            let new = Column {
                classification: column.classification.clone(),
                tags: column.tags.clone(),
                ..added(&name.text, column.kind, &doc)
            };
            Some((index, (name.clone(), new)))
        });
        taken.unzip()
    }

    fn around(&self, aggregates: &[DeclaredAround], theirs: &TableSpec, within_m: f64) -> (Vec<Around>, New) {
        let found = aggregates.iter().filter_map(|it| {
            let Some(word) = &it.column else {
                let doc = format!("How many there are within {within_m} m [{}]", theirs.name);
                return Some((
                    Around::Count,
                    (it.name.clone(), added(&it.name.text, ColumnType::Long, &doc)),
                ));
            };
            let index = self.column(word, &theirs.columns, &theirs.name)?;
            let column = &theirs.columns[index];
            let kind = match column.kind {
                ColumnType::Int | ColumnType::Long => ColumnType::Long,
                ColumnType::Float | ColumnType::Double => ColumnType::Double,
                other => {
                    self.say(
                        &word.spot,
                        format!("{}, which is of type {other}", column.name),
                        "write a column of type int, long, float or double",
                    );
                    return None;
                }
            };
            let (aggregate, what) = match it.function {
                AroundFunction::Min => (Around::Min(index), "Smallest"),
                AroundFunction::Max => (Around::Max(index), "Largest"),
                AroundFunction::Sum | AroundFunction::Records => (Around::Sum(index), "Sum of"),
            };
            let doc = format!(
                "{what} {} within {within_m} m [{}.{}]",
                column.name, theirs.name, column.name
            );
            let new = Column {
                classification: column.classification.clone(),
                ..added(&it.name.text, kind, &doc)
            };
            Some((aggregate, (it.name.clone(), new)))
        });
        found.unzip()
    }
}

/// Types of which equal values are equal.
fn comparable(kinds: (ColumnType, ColumnType)) -> bool {
    match kinds {
        (ColumnType::Float | ColumnType::Double, _) => false,
        (left, _) if left.is_nested() => false,
        (ColumnType::Int | ColumnType::Long, ColumnType::Int | ColumnType::Long) => true,
        (ColumnType::Decimal { scale, .. }, ColumnType::Decimal { scale: other, .. }) => scale == other,
        (left, right) => left == right,
    }
}
