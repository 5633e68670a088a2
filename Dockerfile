# The embedded stack as one image: Airflow's processes and MLflow, as `make up` starts them.
FROM python:3.11-slim-bookworm

RUN apt-get update \
 && apt-get install --yes --no-install-recommends libgomp1 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 10001 ratchet

WORKDIR /opt/ratchet
COPY requirements.txt requirements-uv.txt ./
RUN python -m venv .venv \
 && .venv/bin/python -m pip install --no-cache-dir --quiet --require-hashes --only-binary :all: -r requirements-uv.txt \
 && .venv/bin/python -m uv pip sync --quiet --no-cache --require-hashes --compile-bytecode --python .venv/bin/python requirements.txt

COPY . .
RUN .venv/bin/python -m uv pip install --quiet --no-cache --no-deps --no-build-isolation --python .venv/bin/python --editable . \
 && for list in include/usecases/*/data-requirements.txt; do \
      name=$(basename "$(dirname "$list")"); \
      .venv/bin/python -m uv pip install --quiet --no-cache --require-hashes --no-deps --python .venv/bin/python --target ".data/$name" -r "$list"; \
    done \
 && install --directory --owner ratchet /var/lib/ratchet \
 && chown -R ratchet .data

USER ratchet
ENV RATCHET_HOME=/var/lib/ratchet RATCHET_HOST=0.0.0.0 PATH=/opt/ratchet/.venv/bin:$PATH
EXPOSE 8080 5000
CMD ["ratchet", "up", "--attached"]
