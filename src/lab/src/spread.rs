//! Work on numbered items, spread over the threads with one worker each: a worker holds what is dear
//! to make, such as a loaded network.

use rayon::prelude::*;

/// What `each` makes of the items 0 to `count`, in their order; every thread makes one `worker` for its
/// share of them. The same with any number of threads, if `each` leaves nothing behind in its worker.
pub(crate) fn spread<W, T: Send, E: Send>(
    count: usize,
    worker: impl Fn() -> Result<W, E> + Sync,
    each: impl Fn(&mut W, usize) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let share = count.div_ceil(rayon::current_num_threads().max(1)).max(1);
    let items: Vec<usize> = (0..count).collect();
    let shares: Vec<Vec<T>> = items
        .par_chunks(share)
        .map(|items| {
            let mut worker = worker()?;
            items.iter().map(|&item| each(&mut worker, item)).collect()
        })
        .collect::<Result<_, E>>()?;
    Ok(shares.into_iter().flatten().collect())
}
