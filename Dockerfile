# One image for API, worker, memory and migrations; compose says which of them a container is.
FROM python:3.11.13-slim-bookworm AS build
ENV UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PROJECT_ENVIRONMENT=/opt/islanders
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /source
# The dependencies change less often than the source: they are a layer of their own.
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-dev --no-install-project --no-cache
COPY . .
RUN uv sync --frozen --no-dev --no-editable --no-cache

FROM python:3.11.13-slim-bookworm
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin islanders
COPY --from=build /opt/islanders /opt/islanders
ENV PATH=/opt/islanders/bin:$PATH PYTHONUNBUFFERED=1 PYTHONSAFEPATH=1
USER 10001:10001
EXPOSE 8000
CMD ["python", "-m", "api.main"]
