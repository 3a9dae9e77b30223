// SPDX-License-Identifier: Apache-2.0
// Artifacts and models.
#include <filesystem>

#include "core/base/sha256.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace bitsweep::rpc {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Pair;

// Bytes that repeat nowhere near a chunk's size.
std::string Bytes(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 1;
  for (char& byte : bytes) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<char>(state >> 24);
  }
  return bytes;
}

class ArtifactServiceTest : public RpcTest {
 protected:
  // Sends the messages as they are; returns the stream's end.
  Error Send(const std::vector<v1::UploadArtifactRequest>& messages) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::UploadArtifactResponse response;
    const auto stream = stub<Artifacts>().UploadArtifact(&context, &response);
    for (const v1::UploadArtifactRequest& message : messages) {
      if (!stream->Write(message)) break;
    }
    stream->WritesDone();
    return Decode(stream->Finish());
  }
  static v1::UploadArtifactRequest First(const std::string& sha256, std::int64_t size,
                                         const std::string& chunk) {
    v1::UploadArtifactRequest request;
    request.set_sha256(sha256);
    request.set_size_bytes(size);
    request.set_chunk(chunk);
    return request;
  }
  static v1::UploadArtifactRequest Next(const std::string& chunk) { return First("", 0, chunk); }

  struct Download {
    Error error;
    std::string bytes;
    std::size_t largest = 0;  // chunk
    int messages = 0;
    std::int64_t size_bytes = -1;
  };
  Download Fetch(const std::string& name, std::int64_t offset = 0) {
    v1::DownloadArtifactRequest request;
    request.set_name(name);
    request.set_offset(offset);
    grpc::ClientContext context;
    SetDeadline(context);
    Download download;
    const auto stream = stub<Artifacts>().DownloadArtifact(&context, request);
    v1::DownloadArtifactResponse response;
    while (stream->Read(&response)) {
      download.bytes += response.chunk();
      download.largest = std::max(download.largest, response.chunk().size());
      download.size_bytes = response.size_bytes();
      ++download.messages;
    }
    download.error = Decode(stream->Finish());
    return download;
  }
  void ExpectInvalid(const Error& error, const std::string& field) {
    EXPECT_EQ(error.code, grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(error.reason, "INVALID_ARTIFACT");
    EXPECT_THAT(error.violations, Contains(Key(field)));
  }
  void ExpectCorrupt(const Error& error, const std::string& sha256) {
    EXPECT_EQ(error.code, grpc::StatusCode::DATA_LOSS);
    EXPECT_EQ(error.reason, "ARTIFACT_CORRUPT");
    EXPECT_EQ(error.domain, "bitsweep");
    EXPECT_THAT(error.metadata, Contains(Pair("sha256", sha256)));
    EXPECT_EQ(
        Call(&Artifacts::GetArtifact, R"({"name": "artifacts/)" + sha256 + R"("})").error.code,
        grpc::StatusCode::NOT_FOUND);
    // Nothing is left of it on the disk either.
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(folder_.path() / "artifacts")) {
      EXPECT_FALSE(entry.is_regular_file()) << entry.path();
    }
  }
};

TEST_F(ArtifactServiceTest, GivesBackMoreThanAMessageHolds) {
  const std::string bytes = Bytes((5 << 20) + 123);
  const std::string name = "artifacts/" + Upload(bytes);
  const Download download = Fetch(name);
  EXPECT_EQ(download.error.code, grpc::StatusCode::OK);
  EXPECT_TRUE(download.bytes == bytes);
  EXPECT_EQ(download.size_bytes, (5 << 20) + 123);
  EXPECT_EQ(download.largest, std::size_t{1} << 20);
  EXPECT_EQ(download.messages, 6);
  const auto known = Call(&Artifacts::GetArtifact, R"({"name": ")" + name + R"("})");
  ASSERT_TRUE(known.ok()) << known.error.message;
  EXPECT_EQ(known.response.artifact().name(), name);
  EXPECT_EQ(known.response.artifact().size_bytes(), (5 << 20) + 123);
}

TEST_F(ArtifactServiceTest, StartsWhereAsked) {
  const std::string name = "artifacts/" + Upload("0123456789");
  EXPECT_EQ(Fetch(name, 7).bytes, "789");
  const Download end = Fetch(name, 10);
  EXPECT_EQ(end.error.code, grpc::StatusCode::OK);
  EXPECT_EQ(end.bytes, "");
  EXPECT_EQ(end.size_bytes, 10);
  ExpectInvalid(Fetch(name, 11).error, "offset");
  ExpectInvalid(Fetch(name, -1).error, "offset");
}

TEST_F(ArtifactServiceTest, KeepsAnEmptyArtifact) {
  const std::string name = "artifacts/" + Upload("");
  EXPECT_EQ(name, "artifacts/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const Download download = Fetch(name);
  EXPECT_EQ(download.error.code, grpc::StatusCode::OK);
  EXPECT_EQ(download.messages, 1);
  EXPECT_EQ(download.size_bytes, 0);
}

TEST_F(ArtifactServiceTest, StoresTheSameBytesOnce) {
  EXPECT_EQ(Upload("the same"), Upload("the same"));
  int files = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(folder_.path() / "artifacts")) {
    files += entry.is_regular_file() ? 1 : 0;
  }
  EXPECT_EQ(files, 1);
}

TEST_F(ArtifactServiceTest, RefusesBytesOfAnotherDigest) {
  const std::string digest = Sha256Hex("these bytes");
  ExpectCorrupt(Send({First(digest, 11, "other bytes")}), digest);
}

TEST_F(ArtifactServiceTest, RefusesFewerBytesThanAnnounced) {
  const std::string digest = Sha256Hex("these bytes");
  ExpectCorrupt(Send({First(digest, 12, "these bytes")}), digest);
}

TEST_F(ArtifactServiceTest, RefusesMoreBytesThanAnnounced) {
  const std::string digest = Sha256Hex("these bytes");
  ExpectCorrupt(Send({First(digest, 5, "these"), Next(" bytes")}), digest);
}

TEST_F(ArtifactServiceTest, RefusesAStreamWithoutAFirstMessage) {
  ExpectInvalid(Send({}), "sha256");
}

TEST_F(ArtifactServiceTest, RefusesADigestThatIsNone) {
  for (const std::string& digest :
       {std::string(), std::string("../../../etc/passwd"), std::string(64, 'A'),
        std::string(63, 'a'), std::string(65, 'a'), "../" + std::string(61, 'a')}) {
    ExpectInvalid(Send({First(digest, 1, "x")}), "sha256");
  }
}

TEST_F(ArtifactServiceTest, RefusesSizesOutOfRange) {
  ExpectInvalid(Send({First(std::string(64, 'a'), -1, "x")}), "size_bytes");
  ExpectInvalid(Send({First(std::string(64, 'a'), (std::int64_t{1} << 30) + 1, "x")}),
                "size_bytes");
}

TEST_F(ArtifactServiceTest, RefusesChunksOfMoreThanAMebibyte) {
  const std::string bytes = Bytes((1 << 20) + 1);
  ExpectInvalid(Send({First(Sha256Hex(bytes), static_cast<std::int64_t>(bytes.size()), bytes)}),
                "chunk");
}

TEST_F(ArtifactServiceTest, RefusesASecondHeader) {
  const std::string digest = Sha256Hex("ab");
  ExpectInvalid(Send({First(digest, 2, "a"), First(digest, 2, "b")}), "sha256");
}

TEST_F(ArtifactServiceTest, ReportsAFileThatHasShrunk) {
  const std::string digest = Upload("0123456789");
  std::filesystem::resize_file(folder_.path() / "artifacts" / digest.substr(0, 2) / digest, 4);
  const Error error = Fetch("artifacts/" + digest).error;
  EXPECT_EQ(error.code, grpc::StatusCode::DATA_LOSS);
  EXPECT_EQ(error.reason, "ARTIFACT_CORRUPT");
}

TEST_F(ArtifactServiceTest, RefusesNamesThatLeaveTheFolder) {
  for (const char* name : {"artifacts/../bitsweep.db", "artifacts/", "bitsweep.db", ""}) {
    const Error error = Fetch(name).error;
    EXPECT_EQ(error.code, grpc::StatusCode::INVALID_ARGUMENT) << name;
    EXPECT_EQ(error.reason, "INVALID_NAME") << name;
  }
}

// A sweep whose only trial kept a real checkpoint.
class ModelServiceTest : public ArtifactServiceTest {
 protected:
  void SetUp() override {
    ArtifactServiceTest::SetUp();
    const std::string bytes = TinyCheckpoint();
    artifact_ = "artifacts/" + Upload(bytes);
    Submit("lab-1");
    Register("worker-1");
    v1::CompleteJobRequest result = ResultOf(Lease("worker-1"), 0.75);
    result.mutable_result()->set_artifact(artifact_);
    result.mutable_result()->set_artifact_bytes(static_cast<std::int64_t>(bytes.size()));
    ASSERT_TRUE(Call(&Workers::CompleteJob, result).ok());
  }
  std::string artifact_;
};

TEST_F(ModelServiceTest, ShowsAModelWithItsGraphAndTensors) {
  const auto answer = Call(&Models::GetModel, R"({"name": "models/lab-1-0"})");
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  const v1::Model& model = answer.response.model();
  EXPECT_EQ(model.source_trial(), "sweeps/lab-1/trials/0");
  EXPECT_EQ(model.graph_name(), "jsc-tiny");
  EXPECT_EQ(model.parameter_count(), 117);
  EXPECT_EQ(model.artifact(), artifact_);
  EXPECT_EQ(model.val_acc(), 0.75);
  EXPECT_TRUE(model.has_graph());
  std::int64_t trained = 0;
  for (const v1::TensorInfo& tensor : model.tensors()) {
    std::int64_t values = 1;
    for (const std::int64_t size : tensor.shape()) values *= size;
    if (tensor.trainable()) trained += values;
  }
  EXPECT_EQ(trained, 117);
}

TEST_F(ModelServiceTest, ListsModelsOfASweep) {
  const auto all = Call(&Models::ListModels);
  ASSERT_TRUE(all.ok()) << all.error.message;
  ASSERT_EQ(all.response.models_size(), 1);
  EXPECT_EQ(all.response.models(0).name(), "models/lab-1-0");
  EXPECT_FALSE(all.response.models(0).has_graph());
  const auto of = Call(&Models::ListModels, R"({"filter": "sweep = \"sweeps/lab-1\""})");
  ASSERT_TRUE(of.ok()) << of.error.message;
  EXPECT_EQ(of.response.models_size(), 1);
  const auto other = Call(&Models::ListModels, R"({"filter": "sweep = \"sweeps/lab-2\""})");
  ASSERT_TRUE(other.ok()) << other.error.message;
  EXPECT_EQ(other.response.models_size(), 0);
}

TEST_F(ModelServiceTest, AnotherSweepStartsFromAModel) {
  const auto submitted =
      Call(&Sweeps::SubmitSweep,
           R"({"sweep_id": "lab-2", "sweep": {"model": {"name": "models/lab-1-0"},
                                  "dataset": {"name": "synthetic-jets"}}})");
  ASSERT_TRUE(submitted.ok()) << submitted.error.message;
  EXPECT_EQ(Lease("worker-1").trial().model_artifact(), artifact_);
}

TEST_F(ModelServiceTest, DeletesAModel) {
  ASSERT_TRUE(Call(&Models::DeleteModel, R"({"name": "models/lab-1-0"})").ok());
  EXPECT_EQ(Call(&Models::GetModel, R"({"name": "models/lab-1-0"})").error.reason,
            "MODEL_NOT_FOUND");
}

}  // namespace
}  // namespace bitsweep::rpc
