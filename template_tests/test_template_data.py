"""What holds people's data: private, encrypted, kept, and large enough."""

from __future__ import annotations

import pytest

from infra_cdk.registry import declared
from infra_cdk.stages import STAGES
from template_tests.templates import Assembly, Resource, statements

ALL = declared()
MOST_CONNECTIONS = {2: 378, 4: 823, 8: 1669, 16: 3360, 32: 5000}
"""What Aurora PostgreSQL allows by the maximum of ACUs, at most 2,000 where the minimum is below 1.

https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.setting-capacity.html
"""
KEPT = {
    "AWS::KMS::Key": "RetainExceptOnCreate",
    "AWS::RDS::DBCluster": "Snapshot",
    "AWS::S3::Bucket": "RetainExceptOnCreate",
    "AWS::SecretsManager::Secret": "RetainExceptOnCreate",
}
"""What happens to data when a stack is deleted, or a resource replaced."""


def key(assembly: Assembly) -> str:
    """How the one key reads where it is named by its ARN."""
    return f"<{assembly.one('AWS::KMS::Key').id}.Arn>"


def mail(assembly: Assembly) -> Resource:
    """The bucket that functions are told of."""
    ref = assembly.published[assembly.stage.parameter("data/bucket")]["Value"]
    [bucket] = [one for one in assembly.of("AWS::S3::Bucket") if one.ref == ref]
    return bucket


def test_no_bucket_is_public(assembly: Assembly) -> None:
    for bucket in assembly.of("AWS::S3::Bucket"):
        assert bucket["PublicAccessBlockConfiguration"] == {
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        }
        [owner] = bucket["OwnershipControls"]["Rules"]
        assert owner == {"ObjectOwnership": "BucketOwnerEnforced"}, "no access control lists"
        assert not {"AccessControl", "WebsiteConfiguration"} & set(bucket.properties)


def test_buckets_are_reached_by_tls_only(assembly: Assembly) -> None:
    policies = {one["Bucket"]: one for one in assembly.of("AWS::S3::BucketPolicy")}
    assert set(policies) == {bucket.ref for bucket in assembly.of("AWS::S3::Bucket")}
    for bucket in assembly.of("AWS::S3::Bucket"):
        found = statements(policies[bucket.ref]["PolicyDocument"])
        whole = f"<{bucket.id}.Arn>"
        assert {
            "Action": ["s3:*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Resource": [whole, f"{whole}/*"],
        } in list(found)


def test_mails_are_encrypted_by_our_key_and_can_be_restored(assembly: Assembly) -> None:
    bucket = mail(assembly)
    [rule] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {
        "SSEAlgorithm": "aws:kms",
        "KMSMasterKeyID": key(assembly),
    }
    assert rule["BucketKeyEnabled"] is True, "else every mail is a call of KMS"
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    rules = bucket["LifecycleConfiguration"]["Rules"]
    assert not any("ExpirationInDays" in one for one in rules), "no mail is ever too old"


def test_who_reads_mails_is_logged(assembly: Assembly) -> None:
    log = mail(assembly)["LoggingConfiguration"]["DestinationBucketName"]
    [bucket] = [one for one in assembly.of("AWS::S3::Bucket") if one.ref == log]
    [rule] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] in ("AES256", "aws:kms")


def test_the_key_is_rotated_and_opens_copies_in_other_regions(assembly: Assembly) -> None:
    made = assembly.one("AWS::KMS::Key")
    assert made["EnableKeyRotation"] is True
    assert made["MultiRegion"] is True, "cannot be changed later"
    assert made.get("KeySpec", "SYMMETRIC_DEFAULT") == "SYMMETRIC_DEFAULT"
    assert made.get("PendingWindowInDays", 30) >= 7


def test_secrets_are_the_declared_ones(assembly: Assembly) -> None:
    """But the administrator's, which RDS makes and rotates itself."""
    named = {name for one in ALL for name in (*one.function.secrets, *one.function.writes_secrets)}
    prefix = "hasteCRM: "
    found = {
        one["Description"].removeprefix(prefix): one
        for one in assembly.of("AWS::SecretsManager::Secret")
    }
    if "database" not in assembly.stage.lacks:
        cluster = assembly.one("AWS::RDS::DBCluster")
        assert cluster["ManageMasterUserPassword"] is True
        assert cluster["MasterUserSecret"] == {"KmsKeyId": key(assembly)}
        assert "MasterUserPassword" not in cluster.properties
        assert set(found) == named - {"database-admin"}
    else:
        assert set(found) == named, "here nobody else makes it"
    published = {
        name: assembly.published[assembly.stage.parameter(f"secrets/{name}")]["Value"]
        for name in named
    }
    for name, secret in found.items():
        assert published[name] == secret.ref
        assert secret["KmsKeyId"] == key(assembly)
        written = {"SecretString", "GenerateSecretString"} & set(secret.properties)
        assert not written, "an update of the stack would put it back"


def test_data_outlives_its_stack(assembly: Assembly) -> None:
    for kind, policy in KEPT.items():
        for one in assembly.of(kind):
            assert one.given["DeletionPolicy"] == policy, one.id
            assert one.given["UpdateReplacePolicy"] == policy.removesuffix("ExceptOnCreate"), one.id


def test_the_database_is_private_and_encrypted(deployed: Assembly) -> None:
    cluster = deployed.one("AWS::RDS::DBCluster")
    assert cluster["StorageEncrypted"] is True
    assert cluster["KmsKeyId"] == key(deployed)
    assert cluster["EnableIAMDatabaseAuthentication"] is True
    assert cluster["Engine"] == "aurora-postgresql"
    group = deployed.one("AWS::RDS::DBClusterParameterGroup")
    assert cluster["DBClusterParameterGroupName"] == group.ref
    assert group["Parameters"]["rds.force_ssl"] == "1"
    instances = deployed.of("AWS::RDS::DBInstance")
    assert len(instances) == 1 + deployed.stage.database.readers
    for one in instances:
        assert one["PubliclyAccessible"] is False
        assert one["DBInstanceClass"] == "db.serverless"
    assert deployed.of("AWS::RDS::DBSecurityGroup") == []


def test_pgvector_builds_no_index_in_parallel_until_it_is_patched(deployed: Assembly) -> None:
    """CVE-2026-3172: before 0.8.2 such a build reads other relations' memory."""
    group = deployed.one("AWS::RDS::DBClusterParameterGroup")
    assert group["Parameters"]["max_parallel_maintenance_workers"] == "0"


def test_the_proxy_takes_tls_and_iam_only(deployed: Assembly) -> None:
    proxy = deployed.one("AWS::RDS::DBProxy")
    assert proxy["RequireTLS"] is True
    assert proxy["DefaultAuthScheme"] == "IAM_AUTH"
    assert proxy.get("Auth", []) == [], "no password anywhere"
    assert proxy["DebugLogging"] is False, "it would write statements into the log"
    target = deployed.one("AWS::RDS::DBProxyTargetGroup")
    assert target["DBProxyName"] == proxy.ref
    assert target["DBClusterIdentifiers"] == [deployed.one("AWS::RDS::DBCluster").ref]
    pool = target["ConnectionPoolConfigurationInfo"]
    assert pool["MaxConnectionsPercent"] <= 90, "the migrator and a person need some"
    assert pool["ConnectionBorrowTimeout"] < 29, "an API request waits no longer"
    assert "SessionPinningFilters" not in pool, "MySQL's"


def test_the_administrator_is_who_migrations_may_be(deployed: Assembly) -> None:
    """The same name as the right of `rds-db:connect`."""
    assert deployed.one("AWS::RDS::DBCluster")["MasterUsername"] == "haste_admin"


def test_the_cache_is_private_limited_and_valkey(deployed: Assembly) -> None:
    cache = deployed.one("AWS::ElastiCache::ServerlessCache")
    assert cache["Engine"] == "valkey"
    limits = cache["CacheUsageLimits"]
    assert limits["DataStorage"] == {"Maximum": deployed.stage.cache_gigabytes, "Unit": "GB"}
    assert 1000 <= limits["ECPUPerSecond"]["Maximum"] <= 15_000_000
    assert cache["SnapshotRetentionLimit"] == 0, "what a cache holds may be lost"
    assert len(cache["SecurityGroupIds"]) == 1


def test_capacity_and_backups_are_what_the_stage_says(deployed: Assembly) -> None:
    cluster, wanted = deployed.one("AWS::RDS::DBCluster"), deployed.stage.database
    capacity = cluster["ServerlessV2ScalingConfiguration"]
    assert capacity == {"MinCapacity": wanted.min_acu, "MaxCapacity": wanted.max_acu}
    assert cluster["BackupRetentionPeriod"] == wanted.backup_days
    assert cluster["CopyTagsToSnapshot"] is True


def test_a_proxy_keeps_the_database_from_pausing(deployed: Assembly) -> None:
    """So a minimum of 0 would be a promise that is not kept."""
    assert deployed.stage.database.min_acu >= 0.5


@pytest.mark.parametrize("name", ["staging", "prod"])
def test_stages_with_peoples_data_cannot_be_deleted_by_mistake(name: str) -> None:
    assert STAGES[name].protected
    assert STAGES[name].database.backup_days >= 7
    assert STAGES[name].database.min_acu >= 1, "below, Aurora allows 2,000 connections at most"
    assert STAGES[name].database.readers >= 1


def test_a_protected_stage_is_protected(assembly: Assembly) -> None:
    protected = assembly.stage.protected
    terminated = {
        name: stack["properties"].get("terminationProtection", False)
        for name, stack in assembly.manifest.items()
    }
    assert set(terminated) == set(assembly.templates)
    assert set(terminated.values()) == {protected}
    for cluster in assembly.of("AWS::RDS::DBCluster"):
        assert cluster["DeletionProtection"] is protected


def test_everybody_at_once_finds_a_connection(deployed: Assembly) -> None:
    """Even if every session were pinned: all consumers, all jobs and a whole burst of the API take
    at most 0.8 of what the database allows.
    """
    connecting = {one.name for one in ALL if "database" in one.function.needs}
    named = f":function:{deployed.stage.prefix}-"

    def connects(alias: str) -> bool:
        return alias.partition(named)[2].removesuffix(":live") in connecting

    consumers = sum(
        one["ScalingConfig"]["MaximumConcurrency"]
        for one in deployed.of("AWS::Lambda::EventSourceMapping")
        if connects(one["FunctionName"])
    )
    jobs = sum(connects(one["Target"]["Arn"]) for one in deployed.of("AWS::Scheduler::Schedule"))
    assert consumers
    assert jobs
    [settings] = deployed.one("AWS::ApiGateway::Stage")["MethodSettings"]
    together = consumers + jobs + settings["ThrottlingBurstLimit"]
    assert together <= 0.8 * deployed.stage.database.connections


def test_a_stage_knows_how_many_connections_its_database_allows(deployed: Assembly) -> None:
    database = deployed.stage.database
    most = MOST_CONNECTIONS[int(database.max_acu)]
    assert database.connections == (most if database.min_acu >= 1 else min(2000, most))
