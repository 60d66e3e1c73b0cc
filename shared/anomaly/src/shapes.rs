//! Whether the last rows look like any rows before: distance to the nearest of a few prototypes of the shapes that were there.

use crate::state::{Damage, Reader, Writer};

/// Rows of a shape.
pub const ROWS: usize = 8;
/// Shapes that are remembered.
const PROTOTYPES: usize = 24;
/// Further out than this, in deviations, is as far.
const FURTHEST: f64 = 30.0;
/// Up to this distance, in deviations a row, it is the same shape.
const SAME: f32 = 0.5;
/// How far a prototype goes towards a shape that it stands for.
const RATE: f32 = 0.1;

#[derive(Debug, Clone, PartialEq)]
pub struct Shapes {
    /// The newest row last, in deviations from the level.
    last: [f32; ROWS],
    prototypes: [[f32; ROWS]; PROTOTYPES],
    /// How often each was met, fading; zero where there is none.
    uses: [f32; PROTOTYPES],
}

impl Shapes {
    pub fn new() -> Self {
        Self {
            last: [0.0; ROWS],
            prototypes: [[0.0; ROWS]; PROTOTYPES],
            uses: [0.0; PROTOTYPES],
        }
    }

    /// Distance of the last rows to the nearest shape before; `row` counts from 0.
    pub fn observe(&mut self, deviations: f64, row: u64, rate: f64) -> f64 {
        self.last.rotate_left(1);
        self.last[ROWS - 1] = deviations.clamp(-FURTHEST, FURTHEST) as f32;
        if row + 1 < ROWS as u64 {
            return 0.0;
        }
        let nearest = self.nearest();
        let kept = 1.0 - rate as f32;
        self.uses.iter_mut().for_each(|uses| *uses *= kept);
        match nearest {
            Some((at, square)) if square <= SAME * SAME * ROWS as f32 => {
                for (prototype, last) in self.prototypes[at].iter_mut().zip(self.last) {
                    *prototype += RATE * (last - *prototype);
                }
                self.uses[at] += 1.0;
            }
            _ => self.replace(),
        }
        nearest.map_or(0.0, |(_, square)| f64::from(square).sqrt())
    }

    /// The nearest prototype and the square of its distance.
    fn nearest(&self) -> Option<(usize, f32)> {
        let mut nearest = None;
        for (at, (prototype, uses)) in self.prototypes.iter().zip(&self.uses).enumerate() {
            let square = prototype
                .iter()
                .zip(&self.last)
                .map(|(a, b)| (a - b) * (a - b))
                .sum::<f32>();
            if *uses > 0.0 && nearest.is_none_or(|(_, least)| square < least) {
                nearest = Some((at, square));
            }
        }
        nearest
    }

    /// The least used prototype gives way to the last rows.
    fn replace(&mut self) {
        let mut least = 0;
        for at in 1..PROTOTYPES {
            if self.uses[at] < self.uses[least] {
                least = at;
            }
        }
        self.prototypes[least] = self.last;
        self.uses[least] = 1.0;
    }

    pub fn write(&self, to: &mut Writer) {
        self.last.iter().for_each(|value| to.f32(*value));
        to.sparse_f32(&self.uses);
        for (prototype, _) in self.prototypes.iter().zip(self.uses).filter(|(_, uses)| *uses > 0.0) {
            for value in prototype {
                to.f32(*value);
            }
        }
    }

    pub fn read(from: &mut Reader) -> Result<Self, Damage> {
        let mut shapes = Self::new();
        for value in &mut shapes.last {
            *value = from.f32()?;
        }
        shapes.uses = from.sparse_f32()?;
        for (prototype, _) in shapes
            .prototypes
            .iter_mut()
            .zip(shapes.uses)
            .filter(|(_, uses)| *uses > 0.0)
        {
            for value in prototype {
                *value = from.f32()?;
            }
        }
        Ok(shapes)
    }
}
