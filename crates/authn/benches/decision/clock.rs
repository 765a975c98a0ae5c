//! CPU time of this thread, as the kernel counts it: what others take of the processor is not in it.

/// Nanoseconds of CPU time this thread has used.
fn cpu_nanoseconds() -> u64 {
    // The kernel brings its figure up to date when it may choose another thread.
    std::thread::yield_now();
    let told = std::fs::read("/proc/thread-self/schedstat").unwrap();
    let told = String::from_utf8(told).unwrap();
    told.split(' ').next().unwrap().parse().unwrap()
}

/// Microseconds of CPU time that one of `times` calls of `work` takes.
pub(crate) fn microseconds(times: u32, mut work: impl FnMut()) -> f64 {
    let before = cpu_nanoseconds();
    for _ in 0..times {
        work();
    }
    let used = cpu_nanoseconds() - before;
    f64::from(u32::try_from(used / 1000).unwrap()) / f64::from(times)
}
