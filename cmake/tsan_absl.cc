// SPDX-License-Identifier: Apache-2.0
// Tells the thread sanitizer what absl's mutexes, condition variables and notifications order.
// Debian's libabsl is not instrumented, so without this every access that a mutex guards would be
// reported as a race. Only in the tsan preset: these functions stand before libabsl's, for the
// program and for the libraries that it links (gRPC), and call the real ones.
//
// Lock acquires what earlier holders released; Unlock and the waits release before they let go, and
// the waits acquire again. While the real function runs, other threads' conditions may be evaluated
// under the mutex: those reads are ordered by it and ignored.
#include <dlfcn.h>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"

extern "C" {
void __tsan_acquire(void* address);
void __tsan_release(void* address);
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);

// absl's deadlock detector moves memory under a lock of its own; gRPC, and absl's Status and Cord,
// share and free what their own atomics order.
const char* __tsan_default_suppressions() {
  return "called_from_lib:libabsl_graphcycles_internal\n"
         "called_from_lib:libabsl_status.so\n"
         "called_from_lib:libabsl_cord.so\n"
         "called_from_lib:libgrpc.so\n"
         "called_from_lib:libgrpc++.so\n"
         "called_from_lib:libgpr.so\n"
         "race:libabsl_status.so\n"
         "race:libabsl_cord.so\n";
}
}

namespace {

using absl::Condition;
using absl::CondVar;
using absl::Duration;
using absl::Mutex;
using absl::Notification;
using absl::Time;

// The function that would have been called without this file.
template <typename Function>
Function* Real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

// The time that a real function spends letting go of `mutex` and, if `again`, taking it again.
class LettingGo {
 public:
  LettingGo(Mutex* mutex, bool again) : mutex_(mutex), again_(again) {
    __tsan_release(mutex_);
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
  }
  ~LettingGo() {
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
    if (again_) __tsan_acquire(mutex_);
  }
  LettingGo(const LettingGo&) = delete;
  LettingGo& operator=(const LettingGo&) = delete;

 private:
  Mutex* mutex_;
  bool again_;
};

}  // namespace

// The names are the mangled ones of absl's functions: the linker's, not ours to choose.
extern "C" {

void _ZN4absl7debian35Mutex4LockEv(Mutex* mutex) {
  static const auto real = Real<void(Mutex*)>(__func__);
  real(mutex);
  __tsan_acquire(mutex);
}

bool _ZN4absl7debian35Mutex7TryLockEv(Mutex* mutex) {
  static const auto real = Real<bool(Mutex*)>(__func__);
  const bool locked = real(mutex);
  if (locked) __tsan_acquire(mutex);
  return locked;
}

void _ZN4absl7debian35Mutex6UnlockEv(Mutex* mutex) {
  static const auto real = Real<void(Mutex*)>(__func__);
  const LettingGo letting_go(mutex, false);
  real(mutex);
}

void _ZN4absl7debian35Mutex5AwaitERKNS0_9ConditionE(Mutex* mutex, const Condition& condition) {
  static const auto real = Real<void(Mutex*, const Condition&)>(__func__);
  const LettingGo letting_go(mutex, true);
  real(mutex, condition);
}

bool _ZN4absl7debian35Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE(
    Mutex* mutex, const Condition& condition, Duration timeout) {
  static const auto real = Real<bool(Mutex*, const Condition&, Duration)>(__func__);
  const LettingGo letting_go(mutex, true);
  return real(mutex, condition, timeout);
}

void _ZN4absl7debian37CondVar4WaitEPNS0_5MutexE(CondVar* condition, Mutex* mutex) {
  static const auto real = Real<void(CondVar*, Mutex*)>(__func__);
  const LettingGo letting_go(mutex, true);
  real(condition, mutex);
}

bool _ZN4absl7debian37CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE(CondVar* condition,
                                                                          Mutex* mutex,
                                                                          Duration timeout) {
  static const auto real = Real<bool(CondVar*, Mutex*, Duration)>(__func__);
  const LettingGo letting_go(mutex, true);
  return real(condition, mutex, timeout);
}

bool _ZN4absl7debian37CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE(CondVar* condition,
                                                                       Mutex* mutex,
                                                                       Time deadline) {
  static const auto real = Real<bool(CondVar*, Mutex*, Time)>(__func__);
  const LettingGo letting_go(mutex, true);
  return real(condition, mutex, deadline);
}

void _ZN4absl7debian312Notification6NotifyEv(Notification* notification) {
  static const auto real = Real<void(Notification*)>(__func__);
  __tsan_release(notification);
  real(notification);
}

void _ZNK4absl7debian312Notification19WaitForNotificationEv(const Notification* notification) {
  static const auto real = Real<void(const Notification*)>(__func__);
  real(notification);
  __tsan_acquire(const_cast<Notification*>(notification));
}

bool _ZNK4absl7debian312Notification30WaitForNotificationWithTimeoutENS0_8DurationE(
    const Notification* notification, Duration timeout) {
  static const auto real = Real<bool(const Notification*, Duration)>(__func__);
  const bool notified = real(notification, timeout);
  if (notified) __tsan_acquire(const_cast<Notification*>(notification));
  return notified;
}
}
