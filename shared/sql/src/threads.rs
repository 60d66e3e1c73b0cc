//! Threads for queries. Planning and joining take the processor for long: whoever waits for them must see the time run out, and a query that
//! nobody waits for any more must not stand in the way of the next.

use std::{
    future::Future,
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    runtime::{Builder, Runtime},
    task::{AbortHandle, JoinHandle},
};
use watershed_ports::PortError;

/// Ends without waiting for what still runs.
struct Threads(Option<Runtime>);

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// So many threads, and others where these are taken by what was given up.
pub(crate) struct Pool {
    count: NonZeroUsize,
    current: Mutex<Arc<Threads>>,
    given_up: Arc<Mutex<Vec<AbortHandle>>>,
}

/// Something that runs. Dropped, it is told to stop, which it hears where it waits for anything.
pub(crate) struct Task<T> {
    handle: JoinHandle<T>,
    given_up: Arc<Mutex<Vec<AbortHandle>>>,
    _threads: Arc<Threads>,
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        if !self.handle.is_finished() {
            self.handle.abort();
            locked(&self.given_up).push(self.handle.abort_handle());
        }
    }
}

impl<T> Task<T> {
    /// What waits for its end.
    pub(crate) fn handle(&mut self) -> &mut JoinHandle<T> {
        &mut self.handle
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn threads(count: NonZeroUsize) -> Result<Arc<Threads>, PortError> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(count.get())
        .thread_name("sql")
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| PortError::fault(format!("threads for SQL: {error}")))?;
    Ok(Arc::new(Threads(Some(runtime))))
}

impl Pool {
    /// A fault: the machine gives no threads.
    pub(crate) fn new(count: NonZeroUsize) -> Result<Self, PortError> {
        Ok(Self {
            count,
            current: Mutex::new(threads(count)?),
            given_up: Arc::default(),
        })
    }

    /// Runs it. A fault: the machine gives no more threads.
    pub(crate) fn spawn<F>(&self, work: F) -> Result<Task<F::Output>, PortError>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let mut current = locked(&self.current);
        let mut given_up = locked(&self.given_up);
        given_up.retain(|task| !task.is_finished());
        if !given_up.is_empty() {
            *current = threads(self.count)?;
            given_up.clear();
        }
        let threads = Arc::clone(&current);
        let runtime = threads.0.as_ref().expect("it goes only with the threads");
        Ok(Task {
            handle: runtime.spawn(work),
            given_up: Arc::clone(&self.given_up),
            _threads: threads,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::atomic::{AtomicBool, Ordering},
        time::{Duration, Instant},
    };

    #[tokio::test]
    async fn what_does_not_stop_is_in_nobodys_way() {
        let pool = Pool::new(NonZeroUsize::MIN).expect("threads");
        let stop = Arc::new(AtomicBool::new(false));
        let (begun, stopped) = (Instant::now(), Arc::clone(&stop));
        let stuck = pool.spawn(async move {
            while !stopped.load(Ordering::Relaxed) && begun.elapsed() < Duration::from_secs(30) {
                std::hint::spin_loop();
            }
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(stuck.expect("threads"));
        let mut next = pool.spawn(async { 7 }).expect("threads");
        assert_eq!(next.handle().await.expect("it ends"), 7);
        assert!(begun.elapsed() < Duration::from_secs(20));
        stop.store(true, Ordering::Relaxed);
    }
}
