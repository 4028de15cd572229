"""KubernetesPodOperator for experiments: a sentence for each failure, and exactly one fit each.

With `durable` and `delete_pod`, the provider's own operator (10.25) loses a fit: a pod that
succeeded while its worker was dead is deleted and fitted again. With `keep_pod` it is taken as it
is, and one that was looked at before isn't taken a second time, so that a cleared task fits again.
Pods are then ours to delete.
"""

import contextlib
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.utils.pod_manager import PodManager, PodPhase
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from kubernetes.client import ApiClient
from kubernetes.client.exceptions import ApiException

from include.orchestration.pods import IMAGE_KEY, image_id, phases, what_went_wrong


class _PodManager(PodManager):
    def container_is_running(self, pod: Any, container_name: str) -> bool:
        """Whether there is anything to wait for.

        A pod that was ended at its deadline may go on showing its container as running (seen on
        Kubernetes 1.20): the provider's own would wait for it until the task's timeout.
        """
        phase = self.read_pod(pod).status.phase
        if phase in PodPhase.terminal_states:
            return False
        return bool(super().container_is_running(pod, container_name))


class TrainingPodOperator(KubernetesPodOperator):
    """One experiment in one pod."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            durable=True,
            on_finish_action="keep_pod",
            on_kill_action="delete_pod",
            random_name_suffix=True,
            get_logs=True,
            log_events_on_startup=True,
            log_pod_spec_on_failure=False,
            automount_service_account_token=False,
            termination_message_policy="FallbackToLogsOnError",
            do_xcom_push=False,
            **kwargs,
        )

    @cached_property
    def pod_manager(self) -> PodManager:
        """Reads pods and their logs."""
        return _PodManager(kube_client=self.client, callbacks=self.callbacks)

    def execute(self, context: Context) -> None:
        """Run the pod to its end.

        Raises:
            AirflowException: It didn't succeed; the text says why.
        """
        try:
            super().execute(context)
        except (AirflowException, ApiException) as error:
            sentence, is_worth_a_retry = self._explain(error)
            self._delete()
            kind = AirflowException if is_worth_a_retry else AirflowFailException
            raise kind(sentence) from error
        found = ApiClient().sanitize_for_serialization(self.remote_pod)
        experiment = found["metadata"]["labels"].get("experiment")
        self._say_phases(experiment, found)
        ran = {"experiment": experiment, "image": image_id(found)}
        context["ti"].xcom_push(key=IMAGE_KEY, value=ran)
        self._delete()

    def _say_phases(self, experiment: str, found: dict[str, Any]) -> None:
        parts = [f"{name} {s:.1f} s" for name, s in phases(found, datetime.now(UTC)).items()]
        self.log.info("[pod] %s: %s", experiment, ", ".join(parts))

    def _explain(self, error: Exception) -> tuple[str, bool]:
        """Why it failed; and whether the same pod may succeed elsewhere, as it was lost."""
        if self.pod is None:
            return f"the pod could not be made: {error}", False
        name, namespace = self.pod.metadata.name, self.pod.metadata.namespace
        plain = ApiClient().sanitize_for_serialization
        try:
            pod = plain(self.client.read_namespaced_pod(name, namespace))
        except ApiException as gone:
            pod = None if gone.status == 404 else plain(self.remote_pod)
        selector = f"involvedObject.name={name}"
        try:
            found = self.client.list_namespaced_event(namespace, field_selector=selector)
            events = plain(found)["items"]
        except ApiException:
            events = []
        is_lost = pod is None or pod.get("status", {}).get("reason") == "Evicted"
        return f"{name}: {what_went_wrong(pod, events)}", is_lost

    def _delete(self) -> None:
        if self.pod is not None:
            with contextlib.suppress(ApiException):  # somebody else did
                self.pod_manager.delete_pod(self.pod)
