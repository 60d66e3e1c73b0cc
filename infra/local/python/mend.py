"""Where the pinned emulator falls short of AWS, and Watershed would notice. Each mend names what AWS documents.

Written against MiniStack 1.5.33; a new version is looked at again.
"""

import mend_streams
from ministack.services import lambda_svc, sqs

# Lambda, "Configuring scaling behavior for SQS event source mappings": messages a batch of a standard queue.
MAX_BATCH = 10_000


def number_parameters():
    """CloudFormation hands a Number parameter to the resource as a number; the emulator leaves it a string, on which its
    poller fails for every queue."""
    concurrency = lambda_svc._sqs_esm_concurrency

    def coerced(esm, *rest):
        scaling = esm.get("ScalingConfig") or {}
        if isinstance(scaling.get("MaximumConcurrency"), str):
            scaling["MaximumConcurrency"] = int(scaling["MaximumConcurrency"])
        return concurrency(esm, *rest)

    lambda_svc._sqs_esm_concurrency = coerced


def large_batches():
    """Lambda takes up to BatchSize messages of a backlog; the emulator stops at 10."""

    def receive(queue_url, max_number):
        with sqs._queues_lock:
            queue = sqs._get_q(queue_url)
            visibility = int(queue["attributes"].get("VisibilityTimeout", "30"))
            sqs._expire_retained(queue)
            sqs._dlq_sweep(queue)
            return sqs._collect_msgs(queue, min(int(max_number or 1), MAX_BATCH), visibility)

    sqs._receive_messages_for_esm = receive


def mend():
    number_parameters()
    large_batches()
    mend_streams.mend()
