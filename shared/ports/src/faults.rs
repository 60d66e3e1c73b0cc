//! Makes the n-th port call of a run fail. The fault sweep: for every n and every [`Fault`], run with it, deliver again
//! until acknowledged, compare with the run without.

use crate::error::{Kind, PortError};
use std::sync::{Arc, Mutex};

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing was done.
    Refused(Kind),
    /// It was done, and the answer was lost.
    AnswerLost,
}

impl Fault {
    /// All there are, of the kinds that a service can answer with at any call.
    pub const ALL: [Fault; 3] = [
        Fault::Refused(Kind::Transient),
        Fault::Refused(Kind::Fault),
        Fault::AnswerLost,
    ];
}

#[derive(Debug, Default)]
struct State {
    calls: Vec<String>,
    planned: Option<(usize, Fault)>,
}

/// Counts the calls of all ports that share it, and fails the planned one, once.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<State>>);

impl Faults {
    /// Fails the call number `call` (from 0), counted from now.
    pub fn plan(&self, call: usize, fault: Fault) {
        *self.lock() = State {
            calls: Vec::new(),
            planned: Some((call, fault)),
        };
    }

    /// Names of the calls so far, in order.
    pub fn calls(&self) -> Vec<String> {
        self.lock().calls.clone()
    }

    /// Forgets calls and plan.
    pub fn clear(&self) {
        *self.lock() = State::default();
    }

    /// Around every port call: `act` does what the call does.
    pub fn call<T>(&self, name: impl Into<String>, act: impl FnOnce() -> Result<T, PortError>) -> Result<T, PortError> {
        let (name, fault) = {
            let mut state = self.lock();
            let number = state.calls.len();
            let name = name.into();
            state.calls.push(name.clone());
            (
                name,
                state
                    .planned
                    .filter(|(planned, _)| *planned == number)
                    .map(|(_, fault)| fault),
            )
        };
        match fault {
            None => act(),
            Some(Fault::Refused(kind)) => Err(PortError::new(kind, format!("injected: {name} refused"))),
            Some(Fault::AnswerLost) => {
                let _ = act();
                Err(PortError::transient(format!("injected: the answer of {name} was lost")))
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
