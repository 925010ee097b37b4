//! How long and how often Linode is waited for.

use std::time::Duration;

/// Time limits and pauses for everything that is asked of Linode.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// How long a connection may take to be made.
    pub connect: Duration,
    /// How long a connection may carry no byte in either direction.
    pub stall: Duration,
    /// How long an answer may take from its first byte to its last. One that sends a byte from time to time never stalls.
    pub answer: Duration,
    /// How long the object storage may take to answer after it has the whole file.
    pub stored: Duration,
    /// Attempts at one request or transfer: 1 or more.
    pub attempts: u32,
    /// Attempts at one request while Linode says that the object is busy with something else: 1 or more.
    pub busy_attempts: u32,
    /// The pause after the first failure. It doubles with each further one.
    pub pause: Duration,
    /// How often the API may answer one request with "too many requests".
    pub deferrals: u32,
    /// The longest pause that the API may ask for with "too many requests".
    pub longest_deferral: Duration,
    /// The pause after the first look at something that is not done yet. It grows by half each time.
    pub first_poll: Duration,
    /// The longest pause between two looks.
    pub longest_poll: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connect: seconds(20),
            stall: seconds(60),
            answer: seconds(300),
            stored: seconds(300),
            attempts: 4,
            busy_attempts: 10,
            pause: seconds(1),
            deferrals: 10,
            longest_deferral: seconds(300),
            first_poll: seconds(1),
            longest_poll: seconds(15),
        }
    }
}

impl RetryPolicy {
    /// The pause after this many failures, 1 or more: at most 32 times the first one.
    pub fn pause_after(&self, failures: u32) -> Duration {
        self.pause.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1).min(5)))
    }

    /// The pause that follows a pause of that length.
    pub fn next_poll(&self, pause: Duration) -> Duration {
        pause.mul_f64(1.5).min(self.longest_poll)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_limit() {
        let policy = RetryPolicy::default();
        let seconds = |pauses: &[Duration]| pauses.iter().map(Duration::as_secs_f64).collect::<Vec<_>>();
        assert_eq!(
            seconds(&[1, 2, 3, 6, 7, 99].map(|count| policy.pause_after(count))),
            [1.0, 2.0, 4.0, 32.0, 32.0, 32.0]
        );
        let poll = |start: f64| policy.next_poll(Duration::from_secs_f64(start));
        assert_eq!(seconds(&[poll(1.0), poll(4.0), poll(12.0), poll(15.0)]), [1.5, 6.0, 15.0, 15.0]);
    }
}
