"""How every form is rendered."""

from django.forms.renderers import TemplatesSetting


class MarketFormRenderer(TemplatesSetting):
    """Render forms and fields from templates/django/forms/market; widgets stay Django's own, for the admin."""

    form_template_name = "django/forms/market/form.html"
    field_template_name = "django/forms/market/field.html"
