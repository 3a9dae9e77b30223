// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_TESTS_SERVER_RPC_RAW_CALL_H_
#define BITSWEEP_TESTS_SERVER_RPC_RAW_CALL_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace bitsweep::rpc {

// A call by the name of its method, with bytes for messages.
class RawCall {
 public:
  // `authorization`: sent as metadata, each.
  RawCall(std::shared_ptr<grpc::Channel> channel, const std::string& method,
          const std::string& request, const std::vector<std::string>& authorization = {})
      : stub_(std::move(channel)) {
    SetDeadline(context_);
    for (const std::string& value : authorization) context_.AddMetadata("authorization", value);
    call_ = stub_.PrepareCall(&context_, method, &queue_);
    call_->StartCall(this);
    Await();
    const grpc::Slice slice(request);
    call_->Write(grpc::ByteBuffer(&slice, 1), this);
    Await();
  }
  ~RawCall() {
    context_.TryCancel();
    Finish();
    queue_.Shutdown();
  }
  // How the call ended. Once.
  grpc::Status Finish() {
    grpc::Status status;
    if (finished_) return status;
    finished_ = true;
    call_->Finish(&status, this);
    Await();
    return status;
  }
  // The next message; empty when there is none.
  std::string Read() {
    grpc::ByteBuffer buffer;
    call_->Read(&buffer, this);
    if (!Await()) return "";
    grpc::Slice slice;
    EXPECT_TRUE(buffer.DumpToSingleSlice(&slice).ok());
    return std::string(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }

 private:
  bool Await() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  bool finished_ = false;
};

}  // namespace bitsweep::rpc

#endif  // BITSWEEP_TESTS_SERVER_RPC_RAW_CALL_H_
