// SPDX-License-Identifier: Apache-2.0
#include "client/cmd/watch_stream.h"

#include <unistd.h>

#include <csignal>
#include <cstring>

#include "fmt/format.h"

namespace bitsweep::client {
namespace {

// What Ctrl-C prints: a handler may only write bytes that are there already.
char interrupt_text[512];

extern "C" void OnInterrupt(int) {
  const auto written = write(STDERR_FILENO, interrupt_text, std::strlen(interrupt_text));
  _exit(written < 0 ? 1 : 130);
}

}  // namespace

InterruptNotice::InterruptNotice(const std::string& thing, const std::string& name) {
  const std::string text =
      fmt::format("\nThe {} goes on. Follow it again with: bitsweep {} watch {}\n", thing, thing,
                  LastPart(name));
  std::strncpy(interrupt_text, text.c_str(), sizeof(interrupt_text) - 1);
  previous_ = std::signal(SIGINT, OnInterrupt);
}

InterruptNotice::~InterruptNotice() { std::signal(SIGINT, previous_); }

}  // namespace bitsweep::client
